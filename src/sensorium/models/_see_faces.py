"""Faces through a picture classifier of the Hub: see `roles.FaceClassifier`."""

from collections.abc import Sequence

import numpy as np

from sensorium.models._classifiers import Classifier, open_classifier
from sensorium.models._pictures import PictureSteps
from sensorium.roles import Face, Floats, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

_AROUND, _ABOVE = 1.28, 0.07
"""Side of the square that is cut out, of a face's longer side, and how far up of the face's middle
its own is, of the square: a box goes from brow to chin, and the pictures of FER2013 and its kin, of
which such models learn, go from the hair to the chin (0.78 of them is the face; 280 looked at)."""
_AT_ONCE = 16


class FaceReader:
    """See `roles.FaceClassifier`."""

    def __init__(self, checkpoint: Checkpoint, classifier: Classifier, steps: PictureSteps) -> None:
        self.provenance = checkpoint.provenance
        self.labels = classifier.folding.labels
        self.unknown = classifier.folding.unknown
        self._classifier = classifier
        self._steps = steps

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        found = np.empty((len(faces), len(self.labels)), np.float32)
        for start in range(0, len(faces), _AT_ONCE):
            part = faces[start : start + _AT_ONCE]
            pixels = np.stack([self._steps(cut_square(picture, face)) for face in part])
            found[start : start + len(part)] = self._classifier({"pixel_values": pixels})
        return found


def open_face_reader(
    checkpoint: Checkpoint, device: Device, name: str, steps: PictureSteps
) -> FaceReader:
    """name: transformers' class."""
    return FaceReader(
        checkpoint, open_classifier(checkpoint, device, name, ("pixel_values",)), steps
    )


def cut_square(
    picture: Pixels, face: Face, around: float = _AROUND, above: float = _ABOVE
) -> Pixels:
    """uint8 (h, w, 3) → uint8 (side, side, 3) about the face, from hair to chin; beyond the
    picture's edge its last pixels go on. around: side of it, of the face's longer side; above: how
    far up its middle is of the face's, of its side."""
    left, top, right, bottom = face.xyxy
    side = max(1, round(max(right - left, bottom - top) * around))
    first_row = round((top + bottom - side) / 2 - above * side)
    first_column = round((left + right - side) / 2)
    rows = np.clip(np.arange(first_row, first_row + side), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(first_column, first_column + side), 0, picture.shape[1] - 1)
    return picture[np.ix_(rows, columns)]


def corner_of(face: Face, side: int) -> tuple[int, int]:
    """Left and top of what `cut_square` cuts out where it is not raised."""
    left, top, right, bottom = face.xyxy
    return round((left + right - side) / 2), round((top + bottom - side) / 2)

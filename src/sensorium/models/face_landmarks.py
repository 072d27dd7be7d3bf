"""The project's own 68 points of a face, made by `train/recipes/face_landmarks.py`.

A folder of this family holds `model.onnx` (`faces` (n, 3, side, side), 0 to 255 → `points`
(n, 68, 2), in shares of the side) and a `config.json`:

    side     pixels of the square that the network takes
    around   side of the square that is cut out, of a face's longer side
"""

from collections.abc import Sequence

import numpy as np

from sensorium.models._see_faces import corner_of, cut_square
from sensorium.roles import Face, FaceLandmarker, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample, resize

ROLES = (FaceLandmarker,)
_POINTS = 68
_AT_ONCE = 16
_SAID = ("side", "around")


def load(checkpoint: Checkpoint, device: Device) -> "SmallFaceLandmarker":
    return SmallFaceLandmarker(checkpoint, device)


class SmallFaceLandmarker:
    """See `roles.FaceLandmarker`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        self.provenance = checkpoint.provenance
        self._side, self._around = int(config["side"]), float(config["around"])
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def place_points(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        points = np.empty((len(faces), _POINTS, 2), np.float32)
        for start in range(0, len(faces), _AT_ONCE):
            part = faces[start : start + _AT_ONCE]
            points[start : start + len(part)] = self._place(picture, part)
        return points

    def _place(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        cuts = [cut_square(picture, face, self._around, 0.0) for face in faces]
        small = [resize(cut, self._side, self._side, Resample.BILINEAR) for cut in cuts]
        pixels = np.stack(small).transpose(0, 3, 1, 2).astype(np.float32)
        told: Floats = self._session.run({"faces": pixels})["points"]
        sides = np.array([len(cut) for cut in cuts], np.float32)
        pairs = zip(faces, cuts, strict=True)
        corners = np.array([corner_of(face, len(cut)) for face, cut in pairs], np.float32)
        placed: Floats = told * sides[:, None, None] + corners[:, None]
        return placed

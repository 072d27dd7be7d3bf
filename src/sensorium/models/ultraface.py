"""UltraFace: the detector of faces of 1 MB, without points (Linzaer, 2019).

Takes the repository's ONNX files by their names, `version-RFB-320.onnx`, `version-RFB-640.onnx`,
`version-slim-320.onnx` and what was derived of them, with the outputs `scores` (n, 2) and `boxes`
(n, 4). The boxes are corners in shares of the picture; in files whose name has
`without_postprocessing` they are distances to the priors. Its boxes go from forehead to chin.
"""

from collections.abc import Sequence

import numpy as np

from sensorium.errors import InputError
from sensorium.models._faces import graph, ranked
from sensorium.roles import Face, FaceDetector, Floats, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample, normalise, resize

ROLES = (FaceDetector,)
MARKERS = ("*RFB-320*.onnx", "*RFB-640*.onnx", "*slim-320*.onnx", "*[uU]ltra[fF]ace*.onnx")

_MEAN, _STD = np.full(3, 127, np.float32), np.full(3, 128, np.float32)
_SCORE, _OVERLAP = 0.7, 0.3
_SIDES = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
"""Stride → sides of the priors about each cell, pixels."""
_PLACE, _SIZE = 0.1, 0.2  # variances: what a distance of 1 is, in sides of the prior and in logs


def load(checkpoint: Checkpoint, device: Device) -> "UltraFaceDetector":
    return UltraFaceDetector(checkpoint, device)


class UltraFaceDetector:
    """See `roles.FaceDetector`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        self.provenance = checkpoint.provenance
        self._session = graph(checkpoint, device, MARKERS, ("scores", "boxes"))
        (self._name,) = self._session.inputs
        *_, height, width = self._session.input_shapes[self._name]
        if not (isinstance(height, int) and isinstance(width, int)):
            raise InputError(
                f"{self._session.path} cannot be used", "its input has no fixed width and height"
            )
        self._height, self._width = height, width
        self._raw = "without_postprocessing" in self._session.path.name

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Pixels) -> tuple[Face, ...]:
        rows, columns = picture.shape[:2]
        small = resize(picture, self._width, self._height, Resample.BILINEAR)
        pixels = normalise(small, _MEAN, _STD, 1.0)
        told = self._session.run({self._name: pixels[None]})
        scores, boxes = told["scores"][0, :, 1], told["boxes"][0]
        if self._raw:
            boxes = placed(boxes, priors(self._height, self._width))
        sure = scores >= _SCORE
        xyxy = boxes[sure] * np.tile(np.array([columns, rows], np.float32), 2)
        return ranked(xyxy, scores[sure], None, _OVERLAP)


def priors(height: int, width: int) -> Floats:
    """(n, 4): middle x and y, width and height of every prior, in shares of the picture."""
    made = []
    for stride, sides in _SIDES.items():
        for row in range(-(-height // stride)):
            for column in range(-(-width // stride)):
                x, y = (column + 0.5) * stride / width, (row + 0.5) * stride / height
                made += [(x, y, side / width, side / height) for side in sides]
    return np.clip(np.array(made, np.float32), 0, 1)


def placed(told: Floats, about: Floats) -> Floats:
    """Distances (n, 4) to the priors (n, 4) → corners, in shares of the picture."""
    middle = told[:, :2] * _PLACE * about[:, 2:] + about[:, :2]
    half = np.exp(told[:, 2:] * _SIZE) * about[:, 2:] / 2
    return np.concatenate([middle - half, middle + half], 1)

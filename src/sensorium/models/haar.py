"""OpenCV's Haar cascade: faces seen from the front, fast and without a network (Viola & Jones,
CVPR 2001; Lienhart & Maydt, ICIP 2002).

The cascade comes with the package `opencv-python-headless` below version 5, extra `faces`; a folder
with a `haarcascade_frontalface_*.xml` of one's own does too.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from sensorium.errors import ModelMissing
from sensorium.roles import Face, FaceDetector, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample, resize, within

ROLES = (FaceDetector,)
# The last is there in every version of OpenCV: one without cascades is told, not passed by.
MARKERS = ("data/haarcascade_*.xml", "haarcascade_*.xml", "load_config_py3.py")

_LONGEST = 640  # pixels of the longer side that the cascade looks at
# The cascade's squares reach from the middle of the forehead to below the chin and are as wide as
# the head; by so much of a side they are cut to brow and chin, medians over 200 marked portraits.
_LEFT, _TOP, _RIGHT, _BOTTOM = 0.11, 0.17, 0.11, 0.05
_STEP, _NEIGHBOURS, _SMALLEST = 1.1, 5, 24  # OpenCV's scaleFactor, minNeighbors, minSize


def load(checkpoint: Checkpoint, device: Device) -> "HaarFaceDetector":
    """It runs on the CPU whatever the device."""
    return HaarFaceDetector(checkpoint)


class HaarFaceDetector:
    """See `roles.FaceDetector`. No points. score: an order of sureness, no probability."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.provenance = checkpoint.provenance
        self._turn = threading.Lock()
        self._cascade = _cascade(checkpoint)

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Pixels) -> tuple[Face, ...]:
        rows, columns = picture.shape[:2]
        longest = max(rows, columns)
        ratio = max(1.0, longest / _LONGEST)
        if ratio > 1:
            picture = resize(picture, *within(_LONGEST, _LONGEST, columns, rows), Resample.BOX)
        with self._turn:
            squares, _, weights = self._cascade.detectMultiScale3(
                _grey(picture),
                scaleFactor=_STEP,
                minNeighbors=_NEIGHBOURS,
                minSize=(_SMALLEST, _SMALLEST),
                outputRejectLevels=True,
            )
        found = [
            Face(_corners(square, ratio), _order(float(weight)))
            for square, weight in zip(squares, weights, strict=True)
        ]
        return tuple(sorted(found, key=lambda face: -face.score))


def _corners(square: Any, ratio: float) -> tuple[float, float, float, float]:
    left, top, width, height = (float(number) * ratio for number in square)
    right, bottom = left + (1 - _RIGHT) * width, top + (1 - _BOTTOM) * height
    return left + _LEFT * width, top + _TOP * height, right, bottom


def _order(weight: float) -> float:
    """The last stage's sum, any number, onto 0 to 1."""
    return 0.5 + weight / (2 * (1 + abs(weight)))


def _grey(picture: Pixels) -> Any:
    import cv2

    return cv2.equalizeHist(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY))


def _cascade(checkpoint: Checkpoint) -> Any:
    files = [path for marker in MARKERS[:2] for path in checkpoint.folder.glob(marker)]
    chosen = sorted(path for path in files if "frontalface" in path.name)
    first = next((path for path in chosen if path.stem.endswith("_alt2")), None)
    path = first or next(iter(chosen), None)
    try:
        import cv2

        made = cv2.CascadeClassifier(str(path)) if path else None
    except (ImportError, AttributeError):  # none installed, or OpenCV 5, which has left them out
        made = None
    if made is None or made.empty():
        raise ModelMissing(
            f"{checkpoint.spec} cannot be opened",
            why="cascades need OpenCV 4, whose package brings them",
            hint='pip install "sensorium[faces]"',
        )
    return made

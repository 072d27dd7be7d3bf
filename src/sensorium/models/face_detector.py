"""The project's own detector of faces, made by `train/recipes/face_detector.py`.

A folder of this family holds `model.onnx` and a `config.json`:

    sizes     longer sides in pixels at which a picture is looked at; the first always, the others
              where the picture is large enough
    score     least score of a face
    small     side of a face in pixels of the size looked at, below which `small_score` is the least
    overlap   of two boxes that stay, at most

The graph takes `pixels` (n, 3, h, w), sides multiples of 32, and gives `faces` (n, cells, 15):
score, left, top, right, bottom, five points, in pixels.
"""

from collections.abc import Sequence

import numpy as np

from sensorium.errors import InputError
from sensorium.roles import Face, FaceDetector, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.boxes import keep_best
from sensorium.signal.image import Resample, normalise, resize, within

ROLES = (FaceDetector,)
_SAID = ("sizes", "score", "small", "small_score", "overlap")

_STEP = 32  # sides of what the graph takes are multiples of it
_LARGE = 0.75  # share of a size from which a picture is looked at in it
_MEAN, _STD = np.full(3, 127, np.float32), np.full(3, 128, np.float32)


def load(checkpoint: Checkpoint, device: Device) -> "SmallFaceDetector":
    return SmallFaceDetector(checkpoint, device)


class SmallFaceDetector:
    """See `roles.FaceDetector`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.config
        missing = [name for name in _SAID if name not in config]
        if missing:
            raise InputError(
                f"{checkpoint.spec} cannot be opened",
                why=f"its config.json does not say {', '.join(missing)}",
            )
        self.provenance = checkpoint.provenance
        self._sizes = [int(size) for size in config["sizes"]]
        self._score, self._overlap = float(config["score"]), float(config["overlap"])
        self._small, self._small_score = float(config["small"]), float(config["small_score"])
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Pixels) -> tuple[Face, ...]:
        longest = max(picture.shape[:2])
        sizes = [size for size in self._sizes[1:] if longest >= _LARGE * size]
        told = np.concatenate([self._look(picture, size) for size in (self._sizes[0], *sizes)])
        kept = told[keep_best(told[:, 1:5], told[:, 0], self._overlap)]
        return tuple(_face(numbers) for numbers in kept)

    def _look(self, picture: Pixels, size: int) -> Floats:
        """(n, 15) in the picture's pixels, with its longer side made `size`."""
        rows, columns = picture.shape[:2]
        width, height = within(size, size, columns, rows)
        small = resize(picture, width, height, Resample.BILINEAR)
        down, right = -height % _STEP, -width % _STEP
        # Filled with the mean, so that the rim is no edge in the network's eyes.
        padded = np.pad(small, ((0, down), (0, right), (0, 0)), constant_values=127)
        pixels = normalise(padded, _MEAN, _STD, 1.0)
        told: Floats = self._session.run({"pixels": pixels[None]})["faces"][0]
        told = told[told[:, 0] >= self._least(told)]
        told[:, 1:] *= np.tile(np.array([columns / width, rows / height], np.float32), 7)
        return told

    def _least(self, told: Floats) -> Floats:
        """The least score for each box: what is small is more often something else."""
        sides = np.clip(told[:, 3:5] - told[:, 1:3], 0, None).max(1)
        return np.where(sides < self._small, self._small_score, self._score).astype(np.float32)


def _face(numbers: Floats) -> Face:
    score, left, top, right, bottom, *places = numbers.tolist()
    points = tuple(zip(places[::2], places[1::2], strict=True))
    return Face((left, top, right, bottom), score, points)

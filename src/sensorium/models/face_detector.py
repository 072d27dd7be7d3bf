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

from sensorium.media.shots import HEIGHT, WIDTH, may_be_one
from sensorium.roles import Face, FaceDetector, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.boxes import keep_best, overlaps
from sensorium.signal.image import Resample, normalise, resize, within

ROLES = (FaceDetector,)
_SAID = ("sizes", "score", "small", "small_score", "overlap")

_STEP = 32  # sides of what the graph takes are multiples of it
_LARGE = 0.75  # share of a size from which a picture is looked at in it
_ABOUT = 48  # pixels of the size looked at, about faces that are looked for again
_SAME = 0.3  # overlap of a face with itself, a moment later
_VIEW = HEIGHT, WIDTH
_NONE = np.zeros((0, 15), np.float32)
_MEAN, _STD = np.full(3, 127, np.float32), np.full(3, 128, np.float32)


def load(checkpoint: Checkpoint, device: Device) -> "SmallFaceDetector":
    return SmallFaceDetector(checkpoint, device)


class SmallFaceDetector:
    """See `roles.FaceDetector` and `roles.FaceFollower`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        self.provenance = checkpoint.provenance
        self._sizes = [int(size) for size in config["sizes"]]
        self._score, self._overlap = float(config["score"]), float(config["overlap"])
        self._small, self._small_score = float(config["small"]), float(config["small_score"])
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        return [_faces(self._all_over(picture)) for picture in pictures]

    def follow_faces(self, frames: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        found, told, before = list[tuple[Face, ...]](), _NONE, None
        for frame in frames:
            now = _view(frame)
            goes_on = before is not None and may_be_one(before, now)
            told = self._again(frame, told) if goes_on else self._all_over(frame)
            found.append(_faces(told))
            before = now
        return found

    def _all_over(self, picture: Pixels) -> Floats:
        """(n, 15), the surest first: looked at in every size."""
        return self._each_once([self._look(picture, size) for size in self._sizes_of(picture)])

    def _again(self, frame: Pixels, last: Floats) -> Floats:
        """As `_all_over`, of a frame soon after one with the faces `last`: in the first size, and
        in the others only about faces that are not seen in that."""
        first, *finer = self._sizes_of(frame)
        told = self._look(frame, first)
        missed = last[overlaps(last[:, 1:5], told[:, 1:5]).max(1, initial=0) < _SAME]
        about = [self._look_about(frame, size, missed[:, 1:5]) for size in finer if len(missed)]
        return self._each_once([told, *about])

    def _sizes_of(self, picture: Pixels) -> list[int]:
        first, *others = self._sizes
        longest = max(picture.shape[:2])
        return [first, *(size for size in others if longest >= _LARGE * size)]

    def _each_once(self, looks: Sequence[Floats]) -> Floats:
        told = np.concatenate(looks)
        kept: Floats = told[keep_best(told[:, 1:5], told[:, 0], self._overlap)]
        return kept

    def _look_about(self, frame: Pixels, size: int, boxes: Floats) -> Floats:
        """As `_look`, of the part that holds these boxes with something about them."""
        whole = np.array(frame.shape[1::-1])
        margin = _ABOUT * whole.max() / size
        begin = np.maximum(boxes[:, :2].min(0) - margin, 0).astype(int)
        end = np.minimum(np.ceil(boxes[:, 2:].max(0) + margin).astype(int), whole)
        part = frame[begin[1] : end[1], begin[0] : end[0]]
        told = self._look(part, max(1, round(size * max(part.shape[:2]) / whole.max())))
        told[:, 1:] += np.tile(begin, 7)
        # What the part's edge cuts through is not seen whole.
        cut = (told[:, 1:3] <= begin) & (begin > 0) | (told[:, 3:5] >= end) & (end < whole)
        uncut: Floats = told[~cut.any(1)]
        return uncut

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


def _view(frame: Pixels) -> Pixels:
    """uint8 (36, 64, 3): what shots are told from."""
    rows, columns = (np.arange(n) * side // n for n, side in zip(_VIEW, frame.shape, strict=False))
    return frame[np.ix_(rows, columns)]


def _faces(told: Floats) -> tuple[Face, ...]:
    return tuple(_face(numbers) for numbers in told)


def _face(numbers: Floats) -> Face:
    score, left, top, right, bottom, *places = numbers.tolist()
    points = tuple(zip(places[::2], places[1::2], strict=True))
    return Face((left, top, right, bottom), score, points)

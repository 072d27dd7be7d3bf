"""Signs in faces: where they are, what a classifier sees in each, and what its geometry tells."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from sensorium.flow import Failed, Flow
from sensorium.flow.threads import Threads
from sensorium.media import Image, Span, Video
from sensorium.media.frames import Frame
from sensorium.models._labels import as_emotions
from sensorium.results import Evidence, Provenance
from sensorium.results.timeline import EMOTIONS, likeliest
from sensorium.roles import (
    Face,
    FaceClassifier,
    FaceDetector,
    FaceFollower,
    FaceLandmarker,
    Floats,
    Pixels,
)
from sensorium.signal.face import expression, overlap, pose, smooth, track
from sensorium.tasks._felt import Vector, chances, key_of, wordless
from sensorium.tasks._senses import Until

EVERY = 0.5
"""Seconds between frames that are looked at, at most."""
ROWS = 6
"""Faces that have a row each; where there are more, one row holds one after another."""
_SIDE = 540  # pixels of a frame's shorter side, at most
_SMALLEST = 24.0  # pixels of a face's shorter side, below which nobody could tell
_MOST = 12  # faces of a frame that are read: the largest
_AHEAD = 16 << 20  # bytes of frames that are decoded ahead
_BATCH = 4  # frames that the detector is given at once
_GONE = 1.5  # seconds without it, from which what it shows is another piece of evidence
_AWAY, _PLACE = 3.0, 0.3  # seconds, and overlap (IoU) with its place before
_AT_ONCE, _LEAP, _GROWN = 0.6, 1.2, 1.8  # seconds; sides between centres; ratio of areas
_STEADY = 0.6  # seconds: the standard deviation of the smoothing along a face


@dataclass(frozen=True)
class Look:
    """A face at a moment. xyxy: pixels of the upright frame. score: the detector's. felt: a number
    an emotion. signs: as of `Evidence`."""

    xyxy: tuple[float, float, float, float]
    score: float
    felt: tuple[float, ...]
    signs: dict[str, float]

    @property
    def size(self) -> float:
        return (self.xyxy[2] - self.xyxy[0]) * (self.xyxy[3] - self.xyxy[1])

    def away(self, other: "Look") -> float:
        """Between the centres, in sides."""
        left, top, right, bottom = (a - b for a, b in zip(self.xyxy, other.xyxy, strict=True))
        side = (self.size * other.size) ** 0.25
        return float(np.hypot(left + right, top + bottom) / 2 / max(side, 1e-9))


@dataclass(frozen=True)
class Looked:
    """The faces of the frame at `at` seconds."""

    at: float
    faces: tuple[Look, ...]


@dataclass(frozen=True)
class FaceReader:
    """The models that look at a picture. points: None where no landmark model is."""

    detector: FaceDetector
    classifier: FaceClassifier
    points: FaceLandmarker | None = None

    @property
    def key(self) -> str:
        return key_of(self.classifier.provenance, *self.others)

    @property
    def others(self) -> list[Provenance]:
        """The models beside the classifier."""
        found = [self.detector.provenance]
        return [*found, self.points.provenance] if self.points else found

    def look(self, pictures: Sequence[Pixels], scale: float = 1.0) -> list[tuple[Look, ...]]:
        """The faces of each picture, which follow each other. scale: of the pictures, to which
        boxes are told back."""
        detector = self.detector
        find = detector.follow_faces if isinstance(detector, FaceFollower) else detector.find_faces
        return [self._read(*one, scale) for one in zip(pictures, find(pictures), strict=True)]

    def _read(self, picture: Pixels, found: Sequence[Face], scale: float) -> tuple[Look, ...]:
        faces = sorted((one for one in found if _side(one) >= _SMALLEST), key=_side)[-_MOST:]
        if not faces:
            return ()
        felt = as_emotions(self.classifier.labels, self.classifier.classify_faces(picture, faces))
        points = self.points.place_points(picture, faces) if self.points else [None] * len(faces)
        return tuple(
            Look(
                _scaled(face, scale),
                round(face.score, 4),
                tuple(round(float(number), 6) for number in numbers),
                _signs(face, spots),
            )
            for face, numbers, spots in zip(faces, felt, points, strict=True)
            if numbers.any()
        )


@dataclass(frozen=True)
class Eye:
    """The sense of sight; see `_senses.Sense`. every: seconds between frames."""

    media: Video
    reader: FaceReader
    every: float = EVERY

    name = "face"
    kinds = (Looked,)

    @property
    def key(self) -> str:
        return f"{self.reader.key} {self.every:g}"

    def read(self, since: float) -> Iterator[object]:
        end = self.media.span.end if self.media.span else 1e9
        media = replace(self.media, span=Span(since, end)) if since > 0 or end < 1e9 else self.media
        waiting = _Waiting(self.reader)
        # Decoding costs as much as looking: it has a thread of its own.
        flow = (
            Flow([media])
            .map(_Decoded(self.every), threads=1, ordered=False)
            .run(Threads(ahead=_AHEAD))
        )
        with closing(flow):  # type: ignore[type-var]
            for frame in flow:
                if isinstance(frame, Failed):
                    raise frame.error
                waiting.add(frame)
                if waiting.full:
                    yield from waiting.looked()
                    yield Until(round(frame.at + self.every, 6))
            yield from waiting.looked()
            yield Until(round(frame.at + self.every, 6), frame.note)


@dataclass(frozen=True)
class _Decoded:
    """A stage: the frames of a video."""

    every: float

    def __call__(self, media: Video) -> Iterator[Frame]:
        return media.frames(self.every, _SIDE)


@dataclass
class _Waiting:
    """Frames that the models have not seen yet; one that is still shown is looked at once. Nothing
    is known of those before: what is found in them is the same where a run begins here.

    times: of each moment, with the place of its picture.
    """

    reader: FaceReader
    times: list[tuple[float, int]] = field(default_factory=list)
    pictures: list[Pixels] = field(default_factory=list)
    still: Pixels | None = None
    scale: float = 1.0

    @property
    def full(self) -> bool:
        return len(self.pictures) >= _BATCH or len(self.times) >= 4 * _BATCH

    def add(self, frame: Frame) -> None:
        if frame.pixels is not self.still:
            self.pictures.append(frame.pixels)
            self.still, self.scale = frame.pixels, frame.scale
        self.times.append((frame.at, len(self.pictures) - 1))

    def looked(self) -> Iterator[Looked]:
        """The faces of all that waits."""
        if self.pictures:
            found = self.reader.look(self.pictures, self.scale)
            yield from (Looked(at, found[place]) for at, place in self.times)
            self.times, self.pictures, self.still = [], [], None


@dataclass
class Track:
    """One face while it is seen. looks: with their times, in order."""

    times: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def goes_on_as(self, other: "Track") -> bool:
        """Whether it is back where it was, or has leapt at once, as in a quick turn."""
        away = other.times[0] - self.times[-1]
        last, first = self.looks[-1], other.looks[0]
        if not 0 < away <= _AWAY:
            return False
        alike = max(last.size, first.size) <= _GROWN * min(last.size, first.size)
        leapt = away <= _AT_ONCE and alike and last.away(first) <= _LEAP
        return leapt or overlap(last.xyxy, first.xyxy) >= _PLACE

    def felt(self) -> Floats:
        """(n, 7), without the jitter from frame to frame."""
        numbers = np.array([one.felt for one in self.looks])
        return np.asarray(smooth(self.times, numbers, _STEADY), np.float32)

    def pieces(self, every: float) -> Iterator[tuple[float, float, Floats]]:
        """Each moment as a stretch of `every` seconds, with its numbers."""
        for at, numbers in zip(self.times, self.felt(), strict=True):
            yield at, at + every, numbers


def tracks_of(looked: Sequence[Looked]) -> list[Track]:
    """Faces followed through frames, the most seen first. One that is back in its place after some
    moments (it was turned away, or missed) is the same."""
    found: dict[int, Track] = {}
    for at, faces in track((one.at, one.faces) for one in looked):
        for number, look in faces:
            mine = found.setdefault(number, Track())
            mine.times.append(at)
            mine.looks.append(look)
    joined: list[Track] = []
    for one in found.values():
        before = next((other for other in joined if other.goes_on_as(one)), None)
        if before is None:
            joined.append(one)
        else:
            before.times += one.times
            before.looks += one.looks
    return sorted(joined, key=lambda one: -sum(look.size**0.5 for look in one.looks))


def rows_of(tracks: Sequence[Track]) -> tuple[dict[str, list[Track]], int]:
    """Rows by name: one a face, or, where there are more faces than rows, one after another; and
    how many found no place."""
    if len(tracks) <= ROWS:
        return {row_name(at): [one] for at, one in enumerate(tracks)}, 0
    rows: dict[str, list[Track]] = {row_name(at): [] for at in range(ROWS)}
    lost = 0
    for one in tracks:
        free = (mine for mine in rows.values() if not any(_meet(one, other) for other in mine))
        mine = next(free, None)
        lost += mine is None
        if mine is not None:
            mine.append(one)
    return {name: mine for name, mine in rows.items() if mine}, lost


def evidence_of(row: str, one: Track, every: float) -> Iterator[Evidence]:
    """A piece of evidence for each stretch in which the same stands out, with its best moment."""
    felt = one.felt()
    labels = [likeliest(chances(numbers)) for numbers in felt]
    start = 0
    for end in range(1, len(labels) + 1):
        gone = end == len(labels) or one.times[end] - one.times[end - 1] > _GONE
        if gone or labels[end] != labels[start]:
            yield _evidence(row, one, slice(start, end), felt, every)
            start = end


def _evidence(row: str, one: Track, part: slice, felt: Floats, every: float) -> Evidence:
    numbers: Vector = np.asarray(felt[part].mean(axis=0), np.float64)
    told = chances(numbers)
    label = likeliest(told)
    looks, times = one.looks[part], one.times[part]
    place = EMOTIONS.index(label) if label in EMOTIONS else int(numbers.argmax())
    best = max(range(len(looks)), key=lambda at: looks[at].felt[place] * looks[at].score)
    made = wordless(row, times[0], round(times[-1] + every, 6), told, looks[best].signs)
    return replace(made, at=times[best], box=looks[best].xyxy)


def look_at(image: Image, reader: FaceReader) -> tuple[Look, ...]:
    """The faces of a picture, the largest first."""
    (faces,) = reader.look([image.pixels()])
    return tuple(sorted(faces, key=lambda one: -one.size))


def row_name(at: int) -> str:
    """`face`, `face-2` …"""
    return f"face-{at + 1}" if at else "face"


def _meet(one: Track, other: Track) -> bool:
    return one.times[0] <= other.times[-1] and other.times[0] <= one.times[-1]


def _side(face: Face) -> float:
    return min(face.xyxy[2] - face.xyxy[0], face.xyxy[3] - face.xyxy[1])


def _scaled(face: Face, scale: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(edge / scale, 1) for edge in face.xyxy)
    return left, top, right, bottom


def _signs(face: Face, points: Floats | None) -> dict[str, float]:
    """From 68 points, and from the detector's five where it has them. What a face does goes before
    how a head is held: a line in a terminal shows the first."""
    told = expression(points) if points is not None else {}
    told |= pose(face.points) if face.points else {}
    return {name: round(value, 4) for name, value in told.items()}

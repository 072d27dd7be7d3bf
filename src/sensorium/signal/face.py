"""Faces through frames, and what can be measured on a face: pure geometry, no pixels.

    for time, faces in track((time, find(frame)) for time, frame in frames):
        for number, face in faces: ...

A face here is anything with a box `xyxy` in pixels: left, top, right, bottom.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensorium.signal.boxes import overlaps

Floats = NDArray[np.float64]
Corners = tuple[float, float, float, float]

GAP = 1.0
"""Seconds that a face may be away and still be the same."""
_OVERLAP = 0.2  # intersection over union that makes two boxes one face
_FAR, _GROWN = 0.8, 1.7  # without it: sides between centres, and ratio of sides, at most


class Boxed(Protocol):
    @property
    def xyxy(self) -> Corners: ...


F = TypeVar("F", bound=Boxed)


def overlap(one: Corners, other: Corners) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    return float(overlaps(one, other)[0, 0])


def likeness(one: Corners, other: Corners) -> float:
    """How probably two boxes of moments close in time are one face: 1 for the same box, 0 where
    they are not. Overlap decides; a face that moved faster than that is known by being near and of
    like size."""
    shared = overlap(one, other)
    if shared >= _OVERLAP:
        return shared
    sides = [np.sqrt(max((b[2] - b[0]) * (b[3] - b[1]), 1e-9)) for b in (one, other)]
    away = np.hypot(one[0] + one[2] - other[0] - other[2], one[1] + one[3] - other[1] - other[3])
    far = float(away / 2 / np.mean(sides))
    if far > _FAR or max(sides) / min(sides) > _GROWN:
        return 0.0
    return _OVERLAP * (1 - far / _FAR) + 1e-6


@dataclass
class _Track:
    number: int
    xyxy: Corners
    seen: float  # when last
    times: int = 1  # how often


class Tracker(Generic[F]):
    """Tells the faces of a frame by the faces of the frames before it: same number, same face.

    Numbers begin at 1 and are never used again: one who comes back after `GAP` seconds is another.
    Needs frames in order of time. Memory does not grow with the length of the video.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._numbers = 0

    def add(self, time: float, faces: Sequence[F]) -> list[tuple[int, F]]:
        """The faces of the frame at `time` (seconds), each with the number of its track, in the
        order given."""
        self._tracks = [one for one in self._tracks if time - one.seen <= GAP + 1e-9]
        pairs = sorted(
            (
                (likeness(track.xyxy, face.xyxy), track.seen, -track.number, -at, track)
                for track in self._tracks
                for at, face in enumerate(faces)
            ),
            key=lambda pair: pair[:4],
            reverse=True,
        )
        chosen: dict[int, _Track] = {}
        for alike, _, _, minus, track in pairs:
            if alike > 0 and -minus not in chosen and track not in chosen.values():
                chosen[-minus] = track
        return [(self._told(time, face, chosen.get(at)), face) for at, face in enumerate(faces)]

    def _told(self, time: float, face: F, track: _Track | None) -> int:
        if track is None:
            self._numbers += 1
            self._tracks.append(_Track(self._numbers, face.xyxy, time))
            return self._numbers
        track.xyxy, track.seen, track.times = face.xyxy, time, track.times + 1
        return track.number

    def times(self, number: int) -> int:
        """In how many frames the face of this number has been seen; 0 once it is gone."""
        return next((one.times for one in self._tracks if one.number == number), 0)


def track(
    frames: Iterable[tuple[float, Sequence[F]]], least: int = 2
) -> Iterator[tuple[float, list[tuple[int, F]]]]:
    """Every frame again, in order, with its faces numbered 1, 2 … as they first appear.

    A face that is seen in fewer than `least` frames, with gaps of at most `GAP` seconds, was none
    and is left out; where there are fewer frames than that, one in all of them counts. A frame is
    held back until that is known: for `least` times `GAP` seconds at most.
    """
    tracker: Tracker[F] = Tracker()
    held: deque[tuple[float, list[tuple[int, F]]]] = deque()
    numbers: dict[int, int] = {}  # of the tracker → told
    last: dict[int, float] = {}  # unsure ones, and when they were seen last
    count = 0
    for time, faces in frames:
        count += 1
        found = tracker.add(time, faces)
        held.append((time, found))
        for number, _ in found:
            if number not in numbers:
                last[number] = time
        for number in [one for one in last if tracker.times(one) >= least]:
            numbers[number] = 0
            del last[number]
        for number in [one for one, seen in last.items() if time - seen > GAP]:
            del last[number]
        while held and not any(number in last for number, _ in held[0][1]):
            yield _told(*held.popleft(), numbers)
    if count < least:
        numbers |= dict.fromkeys(last, 0)
    while held:
        yield _told(*held.popleft(), numbers)


def _told(
    time: float, found: list[tuple[int, F]], numbers: dict[int, int]
) -> tuple[float, list[tuple[int, F]]]:
    """Without the faces that were none; a number is given when a face is first told."""
    kept = [(number, face) for number, face in found if number in numbers]
    for number, _ in kept:
        numbers[number] = numbers[number] or max(numbers.values()) + 1
    return time, [(numbers[number], face) for number, face in kept]


def smooth(times: ArrayLike, values: ArrayLike, seconds: float) -> Floats:
    """Values along a track without their jitter: a mean weighted by a Gaussian of the distance in
    time, `seconds` its standard deviation.

    times (n,), values (n,) or (n, …) → the same shape. Times need not be regular.
    """
    moments, numbers = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if seconds <= 0 or not numbers.size:
        return numbers.copy()
    weights = np.exp(-(((moments[:, None] - moments) / seconds) ** 2) / 2)
    flat = numbers.reshape(len(numbers), -1)
    mean: Floats = (weights @ flat / weights.sum(1, keepdims=True)).reshape(numbers.shape)
    return mean


# In the order of iBUG 300-W: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips 48-67.
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)  # the person's own; right is left in a picture
_UPPER_LIDS, _LOWER_LIDS = (37, 38, 43, 44), (41, 40, 47, 46)
_BROWS, _OUTER_BROWS, _INNER_BROWS = slice(17, 27), (17, 18, 25, 26), (20, 21, 22, 23)
_MOUTH_CORNERS, _MOUTH_MIDDLE = (48, 54), (51, 57, 62, 66)
_UPPER_LIPS, _LOWER_LIPS = (61, 62, 63), (67, 66, 65)


def expression(points: ArrayLike) -> dict[str, float]:
    """What a face does, from its 68 points (Sagonas et al., ICCVW 2013), (68, 2), x and y in pixels
    with y downwards.

    All in distances between the outer corners of the eyes, so size does not matter; heights are
    along the face, so a tilted head does not matter; a turned or a nodding one does. The names are
    of action units of FACS (Ekman & Friesen 1978) that these distances follow; a resting face has
    values of its own, so compare a person with the same person.

    mouth-corner lift (AU 12, below 0: AU 15)   the corners' height above the middle of the lips
    mouth opening (AU 25-27)                    between the inner edges of the lips
    brow raise (AU 1, 2)                        the brows' height above the middle of the eyes
    brow lower (AU 4)                           how much lower the inner ends of the brows are
                                                than the outer ones
    eye opening (AU 5, less of it: AU 43)       between the lids

    Empty where the corners of the eyes fall together.
    """
    spots = np.asarray(points, np.float64)
    eyes = spots[45] - spots[36]
    distance = float(np.hypot(*eyes))
    if not np.isfinite(distance) or distance < 1e-6:
        return {}
    along = eyes / distance
    up = (spots - spots[[36, 45]].mean(0)) @ np.array([along[1], -along[0]]) / distance
    middle = (up[_RIGHT_EYE].mean() + up[_LEFT_EYE].mean()) / 2

    def mean(places: tuple[int, ...]) -> float:
        return float(up[list(places)].mean())

    return {
        "mouth-corner lift": mean(_MOUTH_CORNERS) - mean(_MOUTH_MIDDLE),
        "mouth opening": mean(_UPPER_LIPS) - mean(_LOWER_LIPS),
        "brow raise": float(up[_BROWS].mean() - middle),
        "brow lower": mean(_OUTER_BROWS) - mean(_INNER_BROWS),
        "eye opening": mean(_UPPER_LIDS) - mean(_LOWER_LIDS),
    }


def pose(points: ArrayLike) -> dict[str, float]:
    """What five points (left eye, right eye, nose, left and right corner of the mouth, left as in
    the picture), (5, 2) in pixels, honestly tell. They know no brow, lid or lip: none of
    `expression`.

    head tilt, degrees   the right eye of the picture lower: above 0
    head turn            where the nose is between the eyes: -1 at the left eye, 0 midway, 1 at the
                         right
    mouth width          in distances between the eyes; a smile widens it, a turned head does too

    Empty where the eyes fall together.
    """
    left, right, nose, *corners = np.asarray(points, np.float64)
    eyes = right - left
    distance = float(np.hypot(*eyes))
    if not np.isfinite(distance) or distance < 1e-6:
        return {}
    along = eyes / distance
    return {
        "head tilt, degrees": float(np.degrees(np.arctan2(eyes[1], eyes[0]))),
        "head turn": float((nose - (left + right) / 2) @ along * 2 / distance),
        "mouth width": float((corners[1] - corners[0]) @ along) / distance,
    }

"""Where one shot ends and the next begins, told from tiny copies of the frames.

Three things are looked at. A *cut* changes many pixels at once, far more than the frames about it
do, and leaves nothing of the arrangement: bright and dark places no longer correlate. A *jump*
(the same view, some time later) keeps the arrangement, but stands out even more. And a *drift*, a
dissolve or a camera that turns away, ends in a still view that has nothing of the shot's first.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 36  # pixels of a tiny frame: enough to tell shots, too few to see noise
AROUND = 2  # frames before and after that a change is compared with
LEAST = 10.0  # of 255: a smaller change is never a cut
RATIO, JUMP = 2.0, 10.0  # how much a cut, or a jump, stands out from the changes about it
FLAT = 2.0  # of 255: the spread of a view in which there is nothing (black, a blank wall)
ALIKE = 0.5  # a correlation that two shots do not reach
SURE = 0.8  # a correlation that leaves no doubt that it is one shot
MOVES = 0.7  # a correlation that a view keeps while what it shows moves
GONE, STILL = 0.25, 4.0  # what a drift keeps of its first view; the change of a view that rests

Item = TypeVar("Item")


@dataclass
class _Tiny:
    """A frame: its colours; its grey values, centred and of unit length, none where it is flat;
    how much it changed, and how much of the arrangement before it kept."""

    colours: NDArray[np.int16]
    grey: NDArray[np.float32] | None
    change: float = 0.0
    kept: float = 1.0


def begins(frames: Iterable[tuple[NDArray[np.uint8], Item]]) -> Iterator[tuple[Item, bool]]:
    """Each item, `AROUND` frames later, with whether its frame begins a shot; the first does not.

    frames: uint8 (HEIGHT, WIDTH, 3) and whatever belongs to it.
    """
    waiting: deque[tuple[Item, _Tiny]] = deque()
    teller, before = _Teller(), None
    for colours, item in frames:
        now = _tiny(colours, before)
        waiting.append((item, now))
        before = now
        if len(waiting) > AROUND:
            yield waiting[0][0], teller.begins_shot(waiting.popleft()[1], [x for _, x in waiting])
    while waiting:
        yield waiting[0][0], teller.begins_shot(waiting.popleft()[1], [x for _, x in waiting])


def are_alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two views, with some time between, are of one shot beyond doubt."""
    first = _tiny(one, None)
    now = _tiny(other, first)
    return now.change < LEAST and now.kept > SURE


def may_be_one(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two views, with little time between, may be of one shot in which something moves."""
    return _correlation(_tiny(one, None), _tiny(other, None)) >= MOVES


class _Teller:
    def __init__(self) -> None:
        self.past: deque[float] = deque(maxlen=AROUND)
        self.first: _Tiny | None = None

    def begins_shot(self, tiny: _Tiny, coming: list[_Tiny]) -> bool:
        others = [*self.past, *(other.change for other in coming)]
        usual = sum(others) / len(others) if others else 0.0
        self.past.append(tiny.change)
        if self.first is None:
            self.first = tiny
            return False
        stands_out = tiny.change / max(usual, 0.5)
        is_cut = tiny.change >= LEAST and (
            (stands_out >= RATIO and tiny.kept < ALIKE) or stands_out >= JUMP
        )
        rests = max([tiny.change, *others]) < STILL
        if is_cut or (rests and _is_gone(self.first, tiny)):
            self.first = tiny
            return True
        return False


def _tiny(colours: NDArray[np.uint8], before: _Tiny | None) -> _Tiny:
    grey = colours.mean(axis=2, dtype=np.float32)
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    is_flat = length < FLAT * grey.size**0.5
    tiny = _Tiny(colours.astype(np.int16), None if is_flat else grey / length)
    if before is not None:
        tiny.change = _difference(before, tiny)
        tiny.kept = _correlation(before, tiny)
    return tiny


def _is_gone(first: _Tiny, now: _Tiny) -> bool:
    return _correlation(first, now) < GONE and _difference(first, now) >= LEAST


def _difference(one: _Tiny, other: _Tiny) -> float:
    """0 to 255: mean over the pixels."""
    return float(np.abs(one.colours - other.colours).mean())


def _correlation(one: _Tiny, other: _Tiny) -> float:
    """-1 to 1; a flat frame is like a flat frame, and like no other."""
    if one.grey is None or other.grey is None:
        return 1.0 if one.grey is other.grey else 0.0
    return float(np.vdot(one.grey, other.grey))

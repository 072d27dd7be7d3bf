"""Where one shot ends and the next begins, told from tiny copies of the frames."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 36  # pixels of a tiny frame: enough to tell shots, too few to see noise
LEAST = 14.0  # of 255: a smaller change is never a cut
RATIO = 3.0  # a cut changes so many times more than the frames about it, which moving never does
AROUND = 2  # frames before and after that a change is compared with

Item = TypeVar("Item")


def begins(
    frames: Iterable[tuple[NDArray[np.uint8], Item]],
) -> Iterator[tuple[Item, bool]]:
    """Each item, `AROUND` frames later, with whether its frame begins a shot.

    frames: uint8 (HEIGHT, WIDTH, 3) and whatever belongs to it.
    """
    waiting: deque[tuple[Item, float]] = deque()
    past: deque[float] = deque(maxlen=AROUND)
    before: NDArray[np.int16] | None = None
    for tiny, item in frames:
        now = tiny.astype(np.int16)
        waiting.append((item, change(before, now) if before is not None else 0.0))
        before = now
        if len(waiting) > AROUND:
            yield _told(waiting, past)
    while waiting:
        yield _told(waiting, past)


def change(before: NDArray[np.int16], now: NDArray[np.int16]) -> float:
    """How much two frames differ, 0 to 255: mean over the pixels."""
    return float(np.abs(now - before).mean())


def _told(waiting: deque[tuple[Item, float]], past: deque[float]) -> tuple[Item, bool]:
    item, score = waiting.popleft()
    others = [*past, *(other for _, other in waiting)]
    usual = sum(others) / len(others) if others else 0.0
    past.append(score)
    return item, score >= LEAST and score >= RATIO * usual

"""Where things lie along time: steps put together so that a screen can show them, and places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.results import Row, Timeline

MOST = 600
"""Columns of a band at most: more are narrower than a pixel."""
ZOOMS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Scale:
    """The stretch of time that a page shows, in the grid's unit."""

    start: float
    end: float

    @classmethod
    def of(cls, timeline: Timeline) -> "Scale":
        grid = timeline.grid
        return cls(grid.start, grid.start + grid.count * grid.every)

    @property
    def length(self) -> float:
        return max(self.end - self.start, 1e-9)

    def place(self, at: float) -> float:
        """Percent from the left, 0 to 100."""
        return min(max((at - self.start) / self.length, 0.0), 1.0) * 100

    def marks(self, most: int = 10) -> list[float]:
        """Round moments inside it, at most `most` of them."""
        for step in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200):
            if self.length / step <= most:
                break
        first = int(np.ceil(self.start / step))
        count = int(np.floor(self.end / step + 1e-9)) - first + 1
        return [(first + at) * step for at in range(max(count, 0))]


@dataclass(frozen=True)
class Columns:
    """A row in at most `MOST` columns of as many steps each; the last may have fewer.

    values: float (columns, labels), the mean of the steps that were seen; seen: bool (columns,).
    """

    size: int
    values: NDArray[np.float64]
    seen: NDArray[np.bool_]

    @classmethod
    def of(cls, row: Row, labels: Sequence[str]) -> "Columns":
        steps = len(row.seen)
        size = -(-steps // MOST) or 1
        count = -(-steps // size)
        chances = np.array([row.probabilities.get(label, (0.0,) * steps) for label in labels])
        seen = np.array(row.seen, bool)
        padding = count * size - steps
        chances = np.pad(chances.reshape(len(labels), steps), ((0, 0), (0, padding)))
        flags = np.pad(seen, (0, padding)).reshape(count, size)
        weighed = chances.reshape(len(labels), count, size) * flags
        times = flags.sum(axis=1)
        return cls(size, (weighed.sum(axis=2) / np.maximum(times, 1)).T, times > 0)

    @property
    def runs(self) -> Iterator[tuple[int, int]]:
        """From and to which column something was seen without a gap."""
        edges = np.flatnonzero(np.diff(np.concatenate(([0], self.seen.astype(np.int8), [0]))))
        return ((int(a), int(b)) for a, b in edges.reshape(-1, 2))

    def best(self) -> list[int]:
        """The likeliest label of each column, -1 where nothing was seen."""
        return [
            int(values.argmax()) if seen and len(values) else -1
            for values, seen in zip(self.values, self.seen, strict=True)
        ]

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """From and to which column a label is the likeliest: (first, last, label)."""
        best = self.best()
        first = 0
        for at in range(1, len(best) + 1):
            if at == len(best) or best[at] != best[first]:
                if best[first] >= 0:
                    yield first, at, best[first]
                first = at


def levels(places: Sequence[float], needed: float) -> list[int]:
    """For things at `places` (percent), each `needed` percent wide: the first of `ZOOMS`, as its
    number, at which it has room beside those that had room before; one more where it never has."""
    found = [len(ZOOMS)] * len(places)
    taken: list[float] = []
    for level, zoom in enumerate(ZOOMS):
        for at, place in enumerate(places):
            free = all(abs(place - other) >= needed / zoom for other in taken)
            if found[at] == len(ZOOMS) and free:
                found[at] = level
                taken.append(place)
    return found

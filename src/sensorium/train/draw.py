"""Batches of things of like length, drawn by chance: a batch is as slow as its longest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Draw:
    """Rows of a batch by the batch's number: a window of several batches is drawn by chance, put
    in order of length, cut, and shuffled.

    chances: (n,), how probable each row is. lengths: (n,). window: batches that are drawn together.
    """

    def __init__(
        self,
        chances: NDArray[np.float64],
        lengths: Sequence[int],
        *,
        size: int,
        window: int,
        seed: int,
    ) -> None:
        self.size, self.window, self.seed = size, window, seed
        self._ends, self._lengths = chances.cumsum(), np.array(lengths, np.int64)
        self._kept = (-1, np.empty((0, 0), np.int64))

    def __call__(self, number: int) -> NDArray[np.int64]:
        window, at = divmod(number, self.window)
        if self._kept[0] != window:
            self._kept = (window, self._drawn(window))
        rows: NDArray[np.int64] = self._kept[1][at]
        return rows

    def _drawn(self, window: int) -> NDArray[np.int64]:
        chance = np.random.default_rng([self.seed, window])
        drawn = chance.random(self.window * self.size) * self._ends[-1]
        rows = np.searchsorted(self._ends, drawn)
        cut = rows[np.argsort(self._lengths[rows], kind="stable")].reshape(self.window, self.size)
        shuffled: NDArray[np.int64] = cut[chance.permutation(self.window)]
        return shuffled

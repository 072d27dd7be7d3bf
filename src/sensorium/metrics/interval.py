"""How sure a figure is: bootstrap confidence intervals (Efron and Tibshirani 1993, chapter 13)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CELLS = 1 << 22  # resampled values held at once


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds that hold `level` of its resamples."""

    mean: float
    low: float
    high: float
    level: float = 0.95


def bootstrap(values: ArrayLike, level: float = 0.95, times: int = 1000, seed: int = 0) -> Interval:
    """The mean over queries with its percentile interval. values: (n,), one a query."""
    each = _row(values)
    low, high = np.quantile(_means(each, times, seed), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(each.mean()), float(low), float(high), level)


def paired_bootstrap(
    ours: ArrayLike, theirs: ArrayLike, level: float = 0.95, times: int = 1000, seed: int = 0
) -> Interval:
    """The mean of ours - theirs over the same queries; an interval above 0 says ours is better.

    Resampling the differences keeps a query's two values together, so that hard and easy queries
    do not hide a small but steady difference. Both (n,), in the same order.
    """
    first, second = _row(ours), _row(theirs)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} and {second.size} values are not of the same queries")
    return bootstrap(first - second, level, times, seed)


def _means(each: NDArray[np.float64], times: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    rows = max(1, _CELLS // each.size)
    parts = [
        each[random.integers(0, each.size, (min(rows, times - start), each.size))].mean(axis=1)
        for start in range(0, times, rows)
    ]
    return np.concatenate(parts)


def _row(values: ArrayLike) -> NDArray[np.float64]:
    each = np.asarray(values, np.float64)
    if each.ndim != 1 or not each.size:
        raise ValueError(f"a row of values is wanted, not {each.shape}")
    return each

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


def bootstrap(
    values: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    times: int = 1000,
    seed: int = 0,
) -> Interval:
    """The mean over queries with its percentile interval. values: (n,), one a query.

    groups: (n,), a number from 0 a query; those of one group are drawn together. Five captions of
    one picture are not five independent queries, and an interval that takes them so is too narrow.
    """
    each = _row(values)
    group = np.arange(each.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    if group.shape != each.shape:
        raise ValueError(f"{each.size} values cannot be in {group.size} groups")
    sums, counts = np.bincount(group, each).astype(np.float64), np.bincount(group)
    means = _means(sums, counts, times, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(each.mean()), float(low), float(high), level)


def paired_bootstrap(
    ours: ArrayLike,
    theirs: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    times: int = 1000,
    seed: int = 0,
) -> Interval:
    """The mean of ours - theirs over the same queries; an interval above 0 says ours is better.

    Resampling the differences keeps a query's two values together, so that hard and easy queries
    do not hide a small but steady difference. Both (n,), in the same order.
    """
    first, second = _row(ours), _row(theirs)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} and {second.size} values are not of the same queries")
    return bootstrap(first - second, groups, level, times, seed)


def paired_macro_f1(
    ours: ArrayLike,
    theirs: ArrayLike,
    truth: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    times: int = 1000,
    seed: int = 0,
) -> Interval:
    """Macro-F1 of ours - theirs, of class numbers (n,) each; an interval above 0 says ours is
    better. It is no mean over items, so that each draw's own is computed. groups: see `bootstrap`.
    """
    right = np.asarray(truth, np.int64)
    both = [np.asarray(one, np.int64) for one in (ours, theirs)]
    if right.ndim != 1 or not right.size or any(one.shape != right.shape for one in both):
        raise ValueError("three rows of one length are wanted")
    classes = int(max(right.max(), *(one.max() for one in both))) + 1
    group = np.arange(right.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    random = np.random.default_rng(seed)
    count = int(group.max()) + 1

    def apart(weight: NDArray[np.float64]) -> float:
        first, second = (_macro_f1(one, right, weight, classes) for one in both)
        return first - second

    drawn = (np.bincount(random.integers(0, count, count), minlength=count) for _ in range(times))
    values = [apart(counts[group].astype(np.float64)) for counts in drawn]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(apart(np.ones(right.size)), float(low), float(high), level)


def _macro_f1(
    named: NDArray[np.int64],
    right: NDArray[np.int64],
    weight: NDArray[np.float64],
    classes: int,
) -> float:
    """As `classification.macro_f1`, of items that count several times, or not at all."""
    table = np.bincount(right * classes + named, weight, classes * classes).reshape(classes, -1)
    sums = table.sum(0) + table.sum(1)
    return float(np.mean(2 * np.diag(table)[sums > 0] / sums[sums > 0]))


def _means(
    sums: NDArray[np.float64], counts: NDArray[np.int64], times: int, seed: int
) -> NDArray[np.float64]:
    """The mean of each of `times` draws of as many groups as there are."""
    random = np.random.default_rng(seed)
    rows = max(1, _CELLS // sums.size)
    means = []
    for start in range(0, times, rows):
        drawn = random.integers(0, sums.size, (min(rows, times - start), sums.size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _row(values: ArrayLike) -> NDArray[np.float64]:
    each = np.asarray(values, np.float64)
    if each.ndim != 1 or not each.size:
        raise ValueError(f"a row of values is wanted, not {each.shape}")
    return each

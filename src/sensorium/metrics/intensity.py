"""How near predicted sentiment is, on the scale of CMU-MOSI: -3 (very negative) to 3 (very
positive), as papers on multimodal sentiment report it (Tsai et al., ACL 2019).

Accuracy of two classes has two conventions that differ by several points: negative against
non-negative over all items, and negative against positive over those that are not 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensorium.metrics.classification import accuracy, weighted_f1

Row = NDArray[np.float64]
_END = 3  # of the scale


@dataclass(frozen=True)
class Two:
    """accuracy, f1 (weighted by class), 0 to 1; n: items that were counted. Not a number where
    there are none."""

    accuracy: float
    f1: float
    n: int


def negative_or_not(predicted: ArrayLike, truth: ArrayLike) -> Two:
    """Below 0 against 0 and above, over all items. Both (n,)."""
    named, right = _pair(predicted, truth)
    return _two(named >= 0, right >= 0)


def negative_or_positive(predicted: ArrayLike, truth: ArrayLike) -> Two:
    """0 and below against above 0, over the items whose truth is not 0. Both (n,)."""
    named, right = _pair(predicted, truth)
    counted = right != 0
    return _two(named[counted] > 0, right[counted] > 0)


def accuracy_of_seven(predicted: ArrayLike, truth: ArrayLike) -> float:
    """The share whose whole number, -3 to 3, is named: both are cut to the scale and rounded, a
    half to the even number. Both (n,)."""
    named, right = _pair(predicted, truth)
    return float(np.mean(_step(named) == _step(right)))


def mean_absolute_error(predicted: ArrayLike, truth: ArrayLike) -> float:
    """In units of the scale. Both (n,)."""
    named, right = _pair(predicted, truth)
    return float(np.mean(np.abs(named - right)))


def correlation(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Pearson's, -1 to 1; 0 where either is the same for all items. Both (n,)."""
    named, right = _pair(predicted, truth)
    first, second = named - named.mean(), right - right.mean()
    spread = float(np.linalg.norm(first) * np.linalg.norm(second))
    if spread <= np.finfo(np.float64).eps * named.size * max(1.0, np.abs(named).max()):
        return 0.0
    return float(np.clip(first @ second / spread, -1, 1))


def _two(named: NDArray[np.bool], right: NDArray[np.bool]) -> Two:
    if not right.size:
        return Two(float("nan"), float("nan"), 0)
    return Two(accuracy(named, right), weighted_f1(named, right), int(right.size))


def _step(values: Row) -> Row:
    return np.rint(np.clip(values, -_END, _END))


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[Row, Row]:
    named, right = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if named.ndim != 1 or named.shape != right.shape or not named.size:
        raise ValueError(f"two rows of one length are wanted, not {named.shape} and {right.shape}")
    if not (np.isfinite(named).all() and np.isfinite(right).all()):
        raise ValueError("a value is not a number")
    return named, right

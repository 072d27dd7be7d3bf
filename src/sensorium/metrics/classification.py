"""How often the right class is named."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Labels = NDArray[np.int64]


def accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """The share of items whose class is named, 0 to 1. Both (n,) of class numbers."""
    named, right = _pair(predicted, truth)
    return float(np.mean(named == right))


def top_k_hits(scores: ArrayLike, truth: ArrayLike, k: int) -> NDArray[np.bool]:
    """Whether each item's class is among the k best; ties count against us (see retrieval).

    scores: (n, classes); truth: (n,) class numbers. Its mean is the top-k accuracy.
    """
    table, right = np.asarray(scores), np.asarray(truth, np.int64)
    if table.ndim != 2 or right.shape != table.shape[:1] or not right.size:
        raise ValueError(f"scores {table.shape} and truth {right.shape} do not fit")
    if np.isnan(table).any():
        raise ValueError("a score is not a number")
    own = np.take_along_axis(table, right[:, None], axis=1)
    others_before = np.count_nonzero(table >= own, axis=1) - 1
    hits: NDArray[np.bool] = others_before < k
    return hits


def balanced_accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """The mean over classes that occur of the share of their items that are named, 0 to 1."""
    named, right = _pair(predicted, truth)
    return float(np.mean([np.mean(named[right == one] == one) for one in np.unique(right)]))


def macro_f1(predicted: ArrayLike, truth: ArrayLike) -> float:
    """The mean F1 over classes that occur or are named, 0 to 1; a class never hit counts 0."""
    named, right = _pair(predicted, truth)
    return float(np.mean([_f1(named == one, right == one) for one in np.union1d(named, right)]))


def weighted_f1(predicted: ArrayLike, truth: ArrayLike) -> float:
    """The mean F1 over classes, each weighted by the items that it has, 0 to 1."""
    named, right = _pair(predicted, truth)
    classes, counts = np.unique(right, return_counts=True)
    scores = [_f1(named == one, right == one) for one in classes]
    return float(np.average(scores, weights=counts))


def confusion(predicted: ArrayLike, truth: ArrayLike, classes: int) -> NDArray[np.int64]:
    """int64 (classes, classes): how many items of class row were named as class column."""
    named, right = _pair(predicted, truth)
    counts = np.bincount(right * classes + named, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def _f1(named: NDArray[np.bool], right: NDArray[np.bool]) -> float:
    return float(2 * np.sum(named & right) / (named.sum() + right.sum()))


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[Labels, Labels]:
    named, right = np.asarray(predicted, np.int64), np.asarray(truth, np.int64)
    if named.ndim != 1 or named.shape != right.shape or not named.size:
        raise ValueError(f"two rows of one length are wanted, not {named.shape} and {right.shape}")
    return named, right

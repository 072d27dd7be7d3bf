"""Whether a stated probability means what it says, and whether a score tells two groups apart."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensorium.signal.softmax import softmax

_HOTTEST = 20.0  # its inverse is the coldest: a model that is always right would be surer for ever


def calibration_error(probabilities: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between what is claimed and what comes true.

    probabilities: (n,), 0 to 1; correct: (n,), whether it came true. Bins are of equal width, open
    on the left, and weighted by what is in them. 0 is perfect.
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3.
    """
    claimed, true = _pair(probabilities, correct)
    if claimed.min() < 0 or claimed.max() > 1:
        raise ValueError("a probability is between 0 and 1")
    place = np.clip(np.ceil(claimed * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=true - claimed, minlength=bins)
    return float(np.abs(gaps).sum() / claimed.size)


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """What logits are divided by to be as sure as they are right: of least negative log likelihood,
    1/20 to 20 (Guo et al., ICML 2017, section 4.2).

    logits: (n, classes), -inf for a class that is no candidate in its row; truth: (n,) numbers of
    classes.
    """
    scores, right = np.asarray(logits, np.float64), np.asarray(truth, np.int64)
    if scores.ndim != 2 or right.shape != scores.shape[:1] or not right.size:
        raise ValueError(f"logits {scores.shape} and truth {right.shape} do not fit")
    own = np.take_along_axis(scores, right[:, None], axis=1)[:, 0]
    if np.isnan(scores).any() or not np.isfinite(own).all():
        raise ValueError("a logit is not a number")
    finite = np.where(np.isfinite(scores), scores, 0.0)
    # Convex in the inverse: least where its slope, mean logit less the true one, crosses zero.
    low, high = -np.log(_HOTTEST), np.log(_HOTTEST)
    for _ in range(40):
        middle = (low + high) / 2
        mean = (softmax(scores * np.exp(-middle)) * finite).sum(axis=1)
        low, high = (middle, high) if mean.sum() > own.sum() else (low, middle)
    return float(np.exp((low + high) / 2))


def auroc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative; ties count ½.

    scores, positive: (n,); both groups must be there. Hanley and McNeil, Radiology 1982.
    """
    values, true = _groups(scores, positive)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # 1-based, tied ones share their mean
    positives = true.sum()
    above = ranks[true].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (~true).sum()))


def threshold_at_false_alarms(scores: ArrayLike, positive: ArrayLike, rate: float) -> float:
    """The lowest threshold t that lets at most `rate` of the negatives through (score ≥ t).

    A score of either group, or infinity where even the highest lets too many through.
    """
    values, true = _groups(scores, positive)
    levels = np.unique(values)
    negatives = np.sort(values[~true])
    alarms = 1 - np.searchsorted(negatives, levels, side="left") / negatives.size
    fitting = levels[alarms <= rate]
    return float(fitting[0]) if fitting.size else float("inf")


def recall_at_false_alarms(scores: ArrayLike, positive: ArrayLike, rate: float) -> float:
    """The share of positives that are found while at most `rate` of the negatives are.

    scores, positive: (n,); both groups must be there; rate: 0 to 1.
    """
    values, true = _groups(scores, positive)
    return float(np.mean(values[true] >= threshold_at_false_alarms(values, true, rate)))


def _groups(scores: ArrayLike, positive: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool]]:
    values, true = _pair(scores, positive)
    if true.all() or not true.any():
        raise ValueError("both positives and negatives are needed")
    return values, true


def _pair(values: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool]]:
    numbers = np.asarray(values, np.float64)
    true = np.asarray(truth, np.bool)
    if numbers.ndim != 1 or numbers.shape != true.shape or not numbers.size:
        raise ValueError(f"two rows of one length are wanted, not {numbers.shape} and {true.shape}")
    if np.isnan(numbers).any():
        raise ValueError("a score is not a number")
    return numbers, true

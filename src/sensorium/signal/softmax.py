"""Scores as probabilities."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64)


def softmax(scores: NDArray[Number]) -> NDArray[Number]:
    """(…, labels) → the same, of the same kind of number; the last axis sums to 1. A score of -inf
    has none of it (Bridle 1990)."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: NDArray[Number] = powers / powers.sum(axis=-1, keepdims=True)
    return shares

"""How high the right things come when things are ranked by similarity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ranks = NDArray[np.int64]


def ranks(similarity: ArrayLike, right: ArrayLike) -> Ranks:
    """Each query's rank of its best right answer, 1 for the top.

    similarity: (queries, candidates), higher is nearer. right: (queries, candidates) bool, at least
    one a query. Ties count against us: a wrong answer as near as the best right one stands before
    it, so a model that scores everything alike gets the last place and not the first.
    """
    near, true = np.asarray(similarity), np.asarray(right, np.bool)
    if near.ndim != 2 or near.shape != true.shape:
        raise ValueError(f"similarity {near.shape} and right {true.shape} must be alike")
    if not true.any(axis=1).all():
        raise ValueError("every query needs a right answer")
    if np.isnan(near).any():
        raise ValueError("a similarity is not a number")
    lowest = -np.inf if near.dtype.kind == "f" else np.iinfo(near.dtype).min
    best = np.where(true, near, lowest).max(axis=1, keepdims=True)
    before: Ranks = np.count_nonzero((near >= best) & ~true, axis=1)
    return before + 1


def recall_at_k(ranks: ArrayLike, k: int) -> float:
    """The share of queries with a right answer among the first k, 0 to 1. ranks: (n,), from 1."""
    return float(np.mean(np.asarray(ranks) <= k))


def median_rank(ranks: ArrayLike) -> float:
    """The rank that half of the queries reach; 1 is the best. ranks: (n,), from 1."""
    return float(np.median(np.asarray(ranks)))


def mean_reciprocal_rank(ranks: ArrayLike) -> float:
    """The mean of 1 / rank over queries, 0 to 1 (Voorhees, TREC-8 1999). ranks: (n,), from 1."""
    return float(np.mean(1 / np.asarray(ranks, np.float64)))

"""Boxes as arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]


def overlaps(one: ArrayLike, other: ArrayLike, of_smaller: bool = False) -> NDArray[np.float64]:
    """Intersection over union of (n, 4) and (m, 4) boxes, left, top, right, bottom → (n, m).

    of_smaller: over the area of the smaller box instead, 1 where it lies within the other.
    """
    a = np.asarray(one, np.float64).reshape(-1, 1, 4)
    b = np.asarray(other, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.clip(sides, 0, None).prod(-1)
    areas = [np.clip(box[..., 2:] - box[..., :2], 0, None).prod(-1) for box in (a, b)]
    whole = np.minimum(*areas) if of_smaller else areas[0] + areas[1] - shared
    share: NDArray[np.float64] = shared / np.maximum(whole, 1e-12)
    return share


def keep_best(
    boxes: NDArray[np.floating],
    scores: NDArray[np.floating],
    most: float,
    of_smaller: bool = False,
) -> NDArray[np.intp]:
    """Non-maximum suppression: which of the (n, 4) boxes stay, the highest score first, so that no
    two overlap by more than `most` (see `overlaps`)."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        if len(order):
            order = order[overlaps(boxes[best], boxes[order], of_smaller)[0] <= most]
    return np.array(kept, np.intp)

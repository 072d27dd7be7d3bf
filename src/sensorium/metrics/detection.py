"""How well boxes are found: average precision, and what is found and what is false."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.signal.boxes import overlaps

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Pictured:
    """One picture. found (n, 4) with scores (n,), wanted (m, 4); open (k, 4): boxes of which nobody
    says whether they are wanted, so that what is found there counts neither way."""

    found: Floats
    scores: Floats
    wanted: Floats
    open: Floats


def judged(one: Pictured, least: float = 0.5) -> NDArray[np.int8]:
    """(n,): 1 for each box found that is a wanted one, 0 for a false one, -1 for one that does not
    count. The surest takes the wanted box that it overlaps most, by `least` (IoU) or more; a second
    box on it is false (Everingham et al., IJCV 2010)."""
    verdict = np.zeros(len(one.found), np.int8)
    shares = overlaps(one.found, one.wanted)
    left = overlaps(one.found, one.open, of_smaller=True)
    taken: set[int] = set()
    for at in np.argsort(-one.scores, kind="stable"):
        free = [to for to in range(len(one.wanted)) if to not in taken]
        best = max(free, key=lambda to: shares[at, to], default=None)
        if best is not None and shares[at, best] >= least:
            taken.add(best)
            verdict[at] = 1
        elif len(one.open) and left[at].max() >= 0.5:
            verdict[at] = -1
    return verdict


def average_precision(pictures: Sequence[Pictured], least: float = 0.5) -> float:
    """Area under precision over recall, precision made to fall (PASCAL VOC 2010 and later), 0 to 1;
    NaN where nothing is wanted."""
    wanted = sum(len(one.wanted) for one in pictures)
    if not wanted:
        return float("nan")
    scores = np.concatenate([one.scores for one in pictures])
    verdicts = np.concatenate([judged(one, least) for one in pictures])
    counts = verdicts >= 0
    right = verdicts[counts][np.argsort(-scores[counts], kind="stable")] == 1
    hits = right.cumsum()
    precision = hits / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(falling[right].sum() / wanted)


def counted(pictures: Sequence[Pictured], least: float = 0.5) -> tuple[int, int, int]:
    """How many wanted boxes are found, how many found boxes are false, how many are wanted."""
    verdicts = [judged(one, least) for one in pictures]
    found = sum(int((one == 1).sum()) for one in verdicts)
    false = sum(int((one == 0).sum()) for one in verdicts)
    return found, false, sum(len(one.wanted) for one in pictures)

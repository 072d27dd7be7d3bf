"""Ranking: from what was found to an order in which it is shown.

Pictures and passages are searched apart, because their cosines are on different scales: to a
two-tower model a sentence lies far from every picture and near to every other sentence (the
modality gap, Liang et al. 2022), so by raw cosines any passage would come before the right picture.
What the two have in common is how far a hit stands out from what is unrelated. Its *standing* is
its cosine less the median of unrelated ones, over their median deviation (scaled to a standard
deviation). For a picture the unrelated are a sample of the library's pictures; medians, because in
a small library what is looked for is itself in the sample. For a passage they are the everyday
sentences of `sentences`: a library's own passages are often one file about one thing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from sensorium.index.candidates import Candidate, Candidates, Lookup
from sensorium.index.vectors import Ids, Numbers, Space
from sensorium.media import Kind
from sensorium.roles import Floats

SAME = 0.96
"""Cosine from which two pictures are one. In the built-in model no two of 1,000 different photos of
Flickr8k come above 0.91; of 40 photos and their copies, half the size gives 0.977 and more, JPEG of
quality 50 a median of 0.978. Other models crowd more: photos of a burst may fold."""
NAME_WEIGHT = 0.5  # a file's name says less than what is in it
_FUSION = 60  # how slowly a rank's worth falls (Cormack et al.)
_LEAST_SPREAD = 0.01
# Another sentence about the same thing stands out this much more among sentences than the right
# picture does among pictures, and so does the nearest wrong one: medians over 570 captions of
# Flickr8k and the built-in model, 4.8 to 3.5 and 4.3 to 3.1.
_NEARER = 1.37
_SMALL = 1 << 18  # multiplications below which BLAS starts no threads


@dataclass(frozen=True)
class Background:
    """What a query's cosine is with rows that have nothing to do with it."""

    middle: float
    spread: float

    @classmethod
    def of(cls, scores: Floats, least: float = _LEAST_SPREAD) -> "Background":
        """From the cosines of unrelated things. The spread has a floor, so that among a few that
        are all alike none stands out by a hair."""
        if not len(scores):
            return cls(0.0, 1.0)
        middle = float(np.median(scores))
        spread = 1.4826 * float(np.median(np.abs(scores - middle)))
        return cls(middle, max(spread, least))

    def standing(self, scores: Floats) -> Floats:
        standing: Floats = (scores - np.float32(self.middle)) / np.float32(self.spread)
        return standing


@dataclass(frozen=True)
class Group:
    """Rows of one kind of thing, within what a filter lets through, and what is unrelated.
    by_cells: the library's cells may serve (see `Space.search`)."""

    only: Ids | None
    without: Ids | None
    background: Background
    by_cells: bool = False


@dataclass(frozen=True)
class Unrelated:
    """Sentences (n, d) that have little to do with each other, and the spread of their cosines."""

    sentences: Floats
    spread: float

    @classmethod
    def of(cls, sentences: Floats) -> "Unrelated":
        pairs = np.triu_indices(len(sentences), 1)
        return cls(sentences, float((sentences @ sentences.T)[pairs].std()))

    def background(self, vector: Floats) -> Background:
        """For passages. A few dozen sentences may by chance be alike to one query; their spread
        among themselves says how far passages lie apart in this model."""
        own = Background.of(self.sentences @ vector, self.spread)
        return Background(own.middle, own.spread * _NEARER)


def nearest(
    space: Space,
    groups: Sequence[Group],
    vector: Floats,
    lookup: Lookup,
    want: int,
    tries: int | None = None,
) -> list[Candidate] | None:
    """Contents by standing, copies folded: at least `want` where there are as many.

    Rows whose item is gone or does not pass, further scenes of one video and copies all use up
    places, so more rows are asked for until enough contents are left; None after so many tries.
    """
    k = 4 * want + 50
    for _ in count() if tries is None else range(tries):
        found = [
            space.search(vector, k, group.only, group.without, group.by_cells) for group in groups
        ]
        folded = fold(_looked_up(found, groups, lookup)) if groups else []
        if len(folded) >= want or all(len(ids) < k for ids, _ in found):
            return folded
        k *= 4
    return None


def _looked_up(
    found: Sequence[tuple[Numbers, Floats]], groups: Sequence[Group], lookup: Lookup
) -> Iterable[Candidate]:
    pairs = zip(groups, found, strict=True)
    standings = [group.background.standing(scores) for group, (_, scores) in pairs]
    return lookup.by_vectors(
        np.concatenate([ids for ids, _ in found]),
        np.concatenate([scores for _, scores in found]),
        np.concatenate(standings),
    ).values()


def fold(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Pictures that show the same as a better one become its duplicates."""
    ordered = list(candidates)
    pictures = [(one, one.best) for one in ordered if one.kind == Kind.IMAGE and one.best]
    folded = set[int]()
    if pictures:
        twins = _twins(np.stack([best.value for _, best in pictures]))
        for place, ((picture, _), twin) in enumerate(zip(pictures, twins, strict=True)):
            if twin != place:
                pictures[twin][0].duplicates += picture.paths
                folded.add(id(picture))
    return [one for one in ordered if id(one) not in folded]


def _twins(values: Floats) -> list[int]:
    """For each vector (n, d), the best before it that shows the same and is no twin itself; its own
    place where there is none."""
    twins = list[int]()
    kept = np.zeros(len(values), bool)
    # Products this small stay in one thread: to wait for others costs more on a busy machine.
    block = max(1, _SMALL // values.size)
    for start in range(0, len(values), block):
        for place, near in enumerate(values[start : start + block] @ values.T, start):
            alike = np.where(kept[:place], near[:place], -1.0)
            best = int(alike.argmax()) if place else 0
            kept[place] = not place or alike[best] < SAME
            twins.append(place if kept[place] else best)
    return twins


def fuse(near: Sequence[Candidate], said: Candidates, named: Candidates) -> list[Candidate]:
    """Best first, by reciprocal ranks (Cormack, Clarke and Büttcher 2009): the sum of
    1 / (60 + rank) over the orders that have it."""
    together = {one.content: one for one in near}
    worth = {one.content: _worth(rank) for rank, one in enumerate(near)}
    for order, weight in ((said, 1.0), (named, NAME_WEIGHT)):
        for rank, (content, one) in enumerate(order.items()):
            held = together.setdefault(content, one)
            if held is not one:
                held.lines = held.lines or one.lines
                held.coverage = max(held.coverage, one.coverage)
                held.named = held.named or one.named
            worth[content] = worth.get(content, 0.0) + weight * _worth(rank)
    return sorted(together.values(), key=lambda one: -worth[one.content])


def _worth(rank: int) -> float:
    return 1 / (_FUSION + 1 + rank)

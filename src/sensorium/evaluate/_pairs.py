"""Unrelated faces, voices and texts of one feeling, put together as if they were one moment: what
fusion is fitted to and measured on.

Such a pairing has independent signs given the label by the way it is made. It shows that the
arithmetic does what it should when a kind of sign is missing; of real videos, where face, voice and
words hang together, it proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensorium.metrics.calibration import calibration_error, fit_temperature
from sensorium.metrics.classification import accuracy, balanced_accuracy, macro_f1
from sensorium.results.timeline import EMOTIONS
from sensorium.signal.fusion import Fusion, Kind, Track, evidence, fuse

PRESENT = 0.6
"""Probability that a kind of sign is there; one at least always is."""
_ROUNDS = 300  # of the descent of three weights
_COLD, _HOT = 0.3, 5.0  # the temperatures that are believed

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Random = np.random.Generator


@dataclass(frozen=True)
class Read:
    """What a model says of items: chances (n, 7), truth (n,) places among `EMOTIONS`."""

    chances: Numbers
    truth: Places

    def halves(self, random: Random) -> tuple["Read", "Read"]:
        """Two halves that have as much of every label."""
        first = np.zeros(len(self.truth), bool)
        for label in np.unique(self.truth):
            mine = random.permutation(np.flatnonzero(self.truth == label))
            first[mine[: -(-len(mine) // 2)]] = True
        return tuple(Read(self.chances[one], self.truth[one]) for one in (first, ~first))  # type: ignore[return-value]


@dataclass(frozen=True)
class Pairs:
    """n moments. tracks: by kind of sign, a row each moment. truth: (n,)."""

    tracks: dict[str, Track]
    truth: Places

    def only(self, *names: str) -> "Pairs":
        """Those kinds, as if the others had never been there."""
        tracks = {
            name: one if name in names else replace_seen(one, np.zeros(len(self.truth), bool))
            for name, one in self.tracks.items()
        }
        return replace(self, tracks=tracks)

    def where(self, *names: str) -> NDArray[np.bool_]:
        """The moments that have just those kinds of sign."""
        wanted = np.stack([one.seen == (name in names) for name, one in self.tracks.items()])
        return np.asarray(wanted.all(axis=0))


@dataclass(frozen=True)
class Figures:
    """n: moments. nll: mean negative log likelihood of the true label, in nats. calibration_error:
    of the likeliest label's probability."""

    n: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    calibration_error: float


def replace_seen(track: Track, seen: NDArray[np.bool_]) -> Track:
    return Track(track.chances * seen[:, None], seen)


def pair(reads: Mapping[str, Read], prior: Numbers, count: int, random: Random) -> Pairs:
    """Draw `count` moments: a label by the prior, an item of it from each kind of sign that has
    one, each of which is there with a probability of 0.6."""
    known = np.isin(np.arange(len(prior)), np.concatenate([one.truth for one in reads.values()]))
    truth = random.choice(len(prior), count, p=prior * known / prior[known].sum())
    there = random.random((len(reads), count)) < PRESENT
    has = np.stack([np.isin(truth, np.unique(one.truth)) for one in reads.values()])
    there &= has
    empty = np.flatnonzero(~there.any(axis=0))
    for at in empty:
        there[random.choice(np.flatnonzero(has[:, at])), at] = True
    tracks = {}
    for (name, one), seen in zip(reads.items(), there, strict=True):
        chances = np.zeros((count, len(EMOTIONS)))
        for label in np.unique(truth[seen]):
            mine = np.flatnonzero(seen & (truth == label))
            chances[mine] = one.chances[
                random.choice(np.flatnonzero(one.truth == label), len(mine))
            ]
        tracks[name] = Track(chances, seen)
    return Pairs(tracks, truth)


def fit(reads: Mapping[str, Read], revisions: Mapping[str, str], random: Random) -> Fusion:
    """Temperatures and priors of each kind of sign by itself, then weights on pairings."""
    kinds = {
        name: Kind(1.0, temperature(one), tuple(frequencies(one).tolist()), revisions[name])
        for name, one in reads.items()
    }
    prior = common(kinds)
    pairs = pair(reads, prior, 20_000, random)
    ratios = np.stack([evidence(pairs.tracks[name], kind) for name, kind in kinds.items()])
    weights = descend(ratios, np.log(prior), pairs.truth)
    weighed = {
        name: replace(kind, weight=round(weight, 4))
        for (name, kind), weight in zip(kinds.items(), weights.tolist(), strict=True)
    }
    return Fusion(weighed, tuple(prior.round(6).tolist()))


def temperature(one: Read) -> float:
    """The one that makes a model as sure as it is right."""
    found = fit_temperature(np.log(np.maximum(one.chances, 1e-4)), one.truth)
    return round(min(max(found, _COLD), _HOT), 4)


def frequencies(one: Read) -> Numbers:
    """How often each label is there, none never."""
    counts = np.bincount(one.truth, minlength=len(EMOTIONS)) + 1.0
    return np.asarray((counts / counts.sum()).round(6))


def common(kinds: Mapping[str, Kind]) -> Numbers:
    """The priors' geometric mean."""
    logs = [np.log(kind.prior) for kind in kinds.values() if kind.prior is not None]
    mean = np.exp(np.mean(logs, axis=0))
    return np.asarray(mean / mean.sum())


def descend(ratios: Numbers, prior: Numbers, truth: Places) -> Numbers:
    """Weights (kinds,), none below 0, of least negative log likelihood.

    ratios: (kinds, n, labels). It is convex in the weights, so a descent finds the only one.
    """
    weights = np.ones(len(ratios))
    place = np.arange(len(truth))
    rate = 0.5
    for _ in range(_ROUNDS):
        scores = np.tensordot(weights, ratios, 1) + prior
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        pull = (chances * ratios).sum(axis=2) - ratios[:, place, truth]
        weights = np.maximum(0.0, weights - rate * pull.mean(axis=1))
    return weights


def figures(pairs: Pairs, fusion: Fusion, where: NDArray[np.bool_] | None = None) -> Figures:
    """How often the right label comes out, over the moments in which something was seen."""
    told = fuse(pairs.tracks, fusion)
    kept = told.seen if where is None else told.seen & where
    chances, truth = told.chances[kept], pairs.truth[kept]
    named = chances.argmax(axis=1)
    likelihood = np.maximum(chances[np.arange(len(truth)), truth], 1e-6)
    return Figures(
        n=len(truth),
        accuracy=accuracy(named, truth),
        balanced_accuracy=balanced_accuracy(named, truth),
        macro_f1=macro_f1(named, truth),
        nll=float(-np.log(likelihood).mean()),
        calibration_error=calibration_error(chances.max(axis=1), named == truth),
    )

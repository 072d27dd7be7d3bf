"""Readings of several kinds of sign, fused along one grid: products of experts, and what they lack.

Each kind m gives p_m(label | sign). Were the signs independent given the label, Bayes' rule makes
p(label | all) ∝ prior · Π (p_m / prior_m); a weight w_m for each kind mends what is not so, and a
temperature makes each kind as sure as it is right (Guo et al., ICML 2017):

    log p = Σ w_m (log p_m − log prior_m) + log prior + const, over the kinds that are there
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorium.signal.softmax import softmax

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FILE = "fusion.json"
"""Where a `Fusion` is kept: in `SENSORIUM_HOME`, and among the built-in models."""
_LEAST = 0.01  # what a probability counts as at least: nothing is ruled out by one model
_REACH = 3.0  # standard deviations to which smoothing looks


class Track(NamedTuple):
    """chances: (steps, labels), rows that sum to 1 where `seen`. seen: bool (steps,)."""

    chances: Floats
    seen: Flags


@dataclass(frozen=True)
class Kind:
    """How far one kind of sign is trusted. prior: of each label in what its model learned from,
    None for even. revision: of the model that this was fitted to."""

    weight: float = 1.0
    temperature: float = 1.0
    prior: tuple[float, ...] | None = None
    revision: str = ""


@dataclass(frozen=True)
class Fusion:
    """kinds: by name; one that is not there counts as `Kind()`. prior: of each label among what is
    read, None for even. seconds: the standard deviation of the smoothing in time."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    prior: tuple[float, ...] | None = None
    seconds: float = 1.0


def fuse(tracks: Mapping[str, Track], fusion: Fusion, every: float = 0.0) -> Track:
    """Tracks of one grid → one of the same grid, seen where any of them is.

    A label that a track never gives a probability is one that its model does not know: it says
    nothing about it; one that no track knows has none. every: seconds of a step, by which it is
    smoothed; 0 leaves steps as they are.
    """
    steps, labels = next(iter(tracks.values())).chances.shape
    scores = np.zeros((steps, labels))
    seen, known = np.zeros(steps, bool), np.zeros(labels, bool)
    for name, track in tracks.items():
        scores += evidence(track, fusion.kinds.get(name, Kind()))
        seen |= track.seen
        known |= track.chances.any(axis=0)
    if every > 0:
        scores = _smoothed(scores, seen, fusion.seconds / every)
    if not known.any():
        return Track(np.zeros_like(scores), seen)
    scores = np.where(known, scores + _log_prior(fusion.prior, labels), -np.inf)
    return Track(softmax(scores) * seen[:, None], seen)


def evidence(track: Track, kind: Kind) -> Floats:
    """w (log p − log prior) of one track, (steps, labels); 0 where nothing was seen."""
    known = track.chances.any(axis=0)
    if not known.any():
        return np.zeros_like(track.chances)
    log = np.log(np.maximum(track.chances, _LEAST)) / kind.temperature
    log -= np.log(np.exp(log[:, known]).sum(axis=1, keepdims=True))
    prior = np.exp(_log_prior(kind.prior, track.chances.shape[1]))
    ratio = log - np.log(prior / prior[known].sum())
    return np.asarray(kind.weight * np.where(known & track.seen[:, None], ratio, 0.0))


def mean_track(tracks: Sequence[Track]) -> Track:
    """Of several of a kind (faces) their mean where each is seen."""
    count = sum(track.seen.astype(float) for track in tracks)
    total = sum(track.chances * track.seen[:, None] for track in tracks)
    seen = np.asarray(count) > 0
    return Track(np.asarray(total) / np.maximum(count, 1)[:, None], seen)


def apart(one: Floats, other: Floats) -> float:
    """How different two readings (labels,) are: Jensen-Shannon divergence in bits, 0 to 1."""
    middle = (one + other) / 2

    def divergence(reading: Floats) -> float:
        there = reading > 0
        return float((reading[there] * np.log2(reading[there] / middle[there])).sum())

    return (divergence(one) + divergence(other)) / 2


def _log_prior(prior: Sequence[float] | None, labels: int) -> Floats:
    even = np.full(labels, 1 / labels)
    return np.asarray(np.log(np.maximum(even if prior is None else prior, 1e-6)), np.float64)


def _smoothed(scores: Floats, seen: Flags, steps: float) -> Floats:
    """A mean over near steps that were seen, weighted by a Gaussian of the distance; only where
    something was seen itself."""
    reach = min(int(_REACH * steps), len(scores) - 1)
    total, weights = np.zeros_like(scores), np.zeros(len(scores))
    for away in range(-reach, reach + 1):
        weight = float(np.exp(-((away / steps) ** 2) / 2))
        to = slice(max(0, -away), len(scores) - max(0, away))
        source = slice(max(0, away), len(scores) - max(0, -away))
        there = seen[source]
        total[to] += weight * scores[source] * there[:, None]
        weights[to] += weight * there
    return np.where(seen[:, None], total / np.maximum(weights, 1e-9)[:, None], 0.0)

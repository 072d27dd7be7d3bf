"""How much surer a listener is of corpora that it knows than of any other recording.

A temperature that is fitted on speakers who were held back is one of their corpora: of rooms,
sentences and actors like those that were learnt from. What a person records is none of them.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sensorium.metrics.calibration import fit_temperature
from sensorium.train.voice_emotion import fit_linear
from sensorium.train.voices import Voices

_FOLDS, _FEWEST = 3, 3


def strangeness(features: Tensor, voices: Voices) -> float:
    """By what logits are divided besides the temperature, for a voice of no corpus that was learnt
    from: of each corpus left out in turn, the temperature that fits it over the one that fits
    speakers left out of the others; the median, for a corpus of one speaker may be far off. 1 where
    there are fewer than three, or none shares a label. features: (n, features) of every voice, of
    which a linear head is made each time.
    """
    corpora = np.unique(voices.corpora)
    if len(corpora) < _FEWEST:
        return 1.0
    told = []
    for corpus in corpora:
        away = voices.corpora == corpus
        found = _logits(features, voices, ~away, away)
        known = np.unique(voices.labels[~away])
        seen = np.isin(voices.labels[away], known)
        own = np.isin(np.arange(len(voices.names)), known) & voices.own[away]
        labels = voices.labels[away]
        if not seen.any():
            continue
        strange = _temperature(found[torch.from_numpy(seen)], labels[seen], own[seen])
        told.append(strange / _at_home(features, voices, ~away))
    return float(np.median(told)) if told else 1.0


def _at_home(features: Tensor, voices: Voices, there: NDArray[np.bool_]) -> float:
    """The temperature that fits speakers who are left out by turns."""
    speakers = np.unique(voices.speakers[there])
    turn = np.searchsorted(speakers, voices.speakers) % _FOLDS
    logits, places = [], []
    for fold in range(_FOLDS):
        away = there & (turn == fold)
        if away.any():
            logits.append(_logits(features, voices, there & ~away, away))
            places.append(np.flatnonzero(away))
    at = np.concatenate(places)
    return _temperature(torch.cat(logits), voices.labels[at], voices.own[at])


def _logits(
    features: Tensor, voices: Voices, learnt: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> Tensor:
    """Of the voices `asked`, by a linear head of those `learnt`."""
    known, new = features[torch.from_numpy(learnt)], features[torch.from_numpy(asked)]
    centre, scale = known.mean(0), known.std(0) + 1e-3
    labels, candidates = voices.labels[learnt], voices.candidates[learnt]
    weight, bias = fit_linear(
        (known - centre) / scale, torch.from_numpy(labels), torch.from_numpy(candidates)
    )
    return (new - centre) / scale @ weight.T + bias


def _temperature(logits: Tensor, labels: NDArray[np.int64], own: NDArray[np.bool_]) -> float:
    return fit_temperature(np.where(own, logits, -np.inf), labels)

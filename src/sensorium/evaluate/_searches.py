"""Searches whose answer is known, made of captioned pictures: for `evaluate relevance`.

Every sentence is asked twice: of a library that has its picture, and of one of the same size that
has not. Which other pictures a library has is drawn, and so is its size.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.index.relevance import LEAST, Figures, Relevance, features, fit, sigmoid, standing
from sensorium.metrics.calibration import (
    auroc,
    calibration_error,
    recall_at_false_alarms,
    threshold_at_false_alarms,
)
from sensorium.results import Provenance
from sensorium.roles import Floats

LARGEST = 1_000  # pictures of a library
BANK = 512  # sentences
ALARMS = 0.05
_AIMED = 0.04  # where the cut-offs are chosen: other searches may have a few more

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Captioned:
    """pictures (n, d); sentences (m, d), and the picture of each."""

    pictures: Floats
    sentences: Floats
    owners: Numbers

    def of(self, owners: Numbers) -> "Captioned":
        """The sentences of some pictures, over all pictures."""
        held = np.isin(self.owners, owners)
        return replace(self, sentences=self.sentences[held], owners=self.owners[held])


@dataclass(frozen=True)
class Searches:
    """A row each. given: features of the best hit. right: it is the picture that was asked for.
    there: the library has that picture. sizes: pictures of the library."""

    given: NDArray[np.float64]
    right: NDArray[np.bool]
    there: NDArray[np.bool]
    sizes: Numbers


@dataclass(frozen=True)
class Measured:
    """searches: how many. smallest, largest: pictures of a library.

    auroc, ece: of the best hit's relevance, against whether it is the picture that was asked for.
    auroc_there: against whether the library has that picture at all.
    recall_right: part of the searches whose best hit is right that can be told from those whose
    best hit is wrong, where 5 % of these pass.
    recall: part of the searches for what is there that are told `found` at the cut-off;
    false_alarms: of those for what is not. recall_at_5: the recall where these are 5 %.
    told_nothing: part of the searches for what is not there that are told `nothing`; missed: of
    those whose best hit is right.
    """

    searches: int
    smallest: int
    largest: int
    auroc: float
    ece: float
    auroc_there: float
    recall_right: float
    recall: float
    false_alarms: float
    told_nothing: float
    missed: float
    recall_at_5: float

    def figures(self, data: str) -> Figures:
        return Figures(
            auroc=round(self.auroc, 4),
            ece=round(self.ece, 4),
            recall=round(self.recall, 4),
            false_alarms=round(self.false_alarms, 4),
            told_nothing=round(self.told_nothing, 4),
            missed=round(self.missed, 4),
            searches=self.searches,
            data=data,
        )


def fit_and_measure(
    captioned: Captioned, model: Provenance, seed: int = 0
) -> tuple[Relevance, Measured]:
    """Fit on one part of the pictures' sentences, measure on another; a third, an eighth of the
    pictures, gives the bank and is in no library."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(captioned.pictures))
    eighth = len(order) // 8
    banked = captioned.of(order[:eighth]).sentences
    bank = banked[np.linspace(0, len(banked) - 1, min(BANK, len(banked))).astype(np.int64)]
    rest = order[eighth:]
    half = len(rest) // 2
    seen = search(captioned.of(rest[:half]), rest, bank, random)
    asked = search(captioned.of(rest[half:]), rest, bank, random)
    if not (seen.right.any() and asked.right.any()):
        raise InputError(
            "relevance cannot be fitted here",
            why="no search found its picture: the model does not understand these sentences",
            hint="sensorium evaluate search",
        )
    coefficients = fit(seen.given, seen.right)
    claimed = sigmoid(seen.given @ coefficients)
    cut_off = min(1.0, threshold_at_false_alarms(claimed, seen.there, _AIMED))
    floor = min(cut_off, float(np.quantile(claimed[seen.right], _AIMED)))
    fitted = Relevance(model.model, model.revision, coefficients, cut_off, floor, bank)
    return fitted, measure(fitted, asked)


def search(
    asked: Captioned, everything: Numbers, bank: Floats, random: np.random.Generator
) -> Searches:
    """Ask every sentence of two libraries of pictures out of `everything`."""
    largest = min(LARGEST, len(everything) - 1)
    places, scores, standings, sizes = list[int](), list[float](), list[float](), list[int]()
    for sentence, owner in zip(asked.sentences, asked.owners, strict=True):
        cosines = asked.pictures @ sentence
        size = int(np.exp(random.uniform(np.log(LEAST), np.log(largest))))
        others = random.choice(everything[everything != owner], size, replace=False)
        for library in (np.append(others[1:], owner), others):
            found = cosines[library]
            best = int(found.argmax())
            places.append(int(library[best]))
            scores.append(float(found[best]))
            standings.append(float(standing(found[best : best + 1], found)[0]))
            sizes.append(size)
    given = features(
        asked.pictures[places],
        np.array(scores, np.float32),
        np.array(standings, np.float32),
        np.array(sizes),
        bank,
    )
    right = np.array(places) == asked.owners.repeat(2)
    there = np.tile([True, False], len(asked.owners))
    return Searches(given, right, there, np.array(sizes))


def measure(fitted: Relevance, searches: Searches) -> Measured:
    claimed = sigmoid(searches.given @ fitted.coefficients)
    told = claimed >= fitted.cut_off
    return Measured(
        searches=len(claimed),
        smallest=int(searches.sizes.min()),
        largest=int(searches.sizes.max()),
        auroc=auroc(claimed, searches.right),
        ece=calibration_error(claimed, searches.right),
        auroc_there=auroc(claimed, searches.there),
        recall_right=recall_at_false_alarms(claimed, searches.right, ALARMS),
        recall=float(told[searches.there].mean()),
        false_alarms=float(told[~searches.there].mean()),
        told_nothing=float((claimed < fitted.floor)[~searches.there].mean()),
        missed=float((claimed < fitted.floor)[searches.right].mean()),
        recall_at_5=recall_at_false_alarms(claimed, searches.there, ALARMS),
    )

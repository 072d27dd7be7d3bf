"""Relevance: the probability that a hit is what a sentence asked for.

A cosine says little of that: it is on a scale of the model's own, some pictures are near to every
sentence (hubs: Radovanović et al. 2010), and the best of a thousand is higher than the best of
fifty. So the cosine is corrected by the picture's mean similarity to its nearest sentences of a
bank (one half of CSLS, Conneau et al. 2018), and stands beside its standing among the library's
other pictures (the other half) and the library's size. Their logistic is fitted and
measured by `sensorium evaluate relevance` on libraries in which what is asked for is, and is not.

The fit belongs to one revision of one model. Without it nothing is claimed.
"""

import base64
import json
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, SensoriumError
from sensorium.results import Provenance, write_whole
from sensorium.roles import Floats
from sensorium.runtime.home import home
from sensorium.runtime.hub import resolve
from sensorium.spec import parse_spec

Numbers = NDArray[np.float64]

FILE = "relevance.json"
FORMAT = 1
LEAST = 50
"""Pictures that a library must have: among fewer, how far one stands out means little."""
FEATURES = ("1", "corrected", "standing", "log items")
_NEIGHBOURS = 10  # sentences of the bank that are nearest to a picture (Conneau et al. use 10)


@dataclass(frozen=True)
class Figures:
    """What was measured on pictures that the fit has not seen.

    auroc, ece: of the best hit's relevance against whether it is the one that was asked for.
    recall: part of the searches for what is there that are told `found`; false_alarms: of the
    searches for what is not there. told_nothing: part of the latter that are told `nothing`;
    missed: of the searches whose best hit is right. searches: how many were measured. data: the
    file's name.
    """

    auroc: float
    ece: float
    recall: float
    false_alarms: float
    told_nothing: float
    missed: float
    searches: int
    data: str


@dataclass(frozen=True, eq=False)
class Relevance:
    """coefficients: of `FEATURES`. cut_off: the best hit's relevance from which something was
    found; floor: below which nothing was. Between the two nobody can tell.
    bank: float32 (m, d), sentences that people search by, of unit length."""

    model: str
    revision: str
    coefficients: tuple[float, ...]
    cut_off: float
    floor: float
    bank: Floats
    figures: Figures | None = None

    def of(self, values: Floats, scores: Floats, others: Floats, items: int) -> Numbers:
        """Probabilities (n,) for n pictures: their vectors (n, d) and their cosines with a query,
        where a sample of all `items` pictures has the cosines `others`."""
        standings = standing(scores, others)
        return sigmoid(features(values, scores, standings, items, self.bank) @ self.coefficients)

    def verdict(self, best: float) -> str:
        """`found`, `nothing` or `unsure`, by the relevance of the best hit."""
        if best >= self.cut_off:
            return "found"
        return "nothing" if best < self.floor else "unsure"

    def to_json(self) -> str:
        numbers = self.bank.astype("<f2")
        return json.dumps(
            {
                "format": FORMAT,
                "model": self.model,
                "revision": self.revision,
                "features": FEATURES,
                "coefficients": self.coefficients,
                "cut_off": self.cut_off,
                "floor": self.floor,
                "figures": asdict(self.figures) if self.figures else None,
                "bank": {
                    "shape": numbers.shape,
                    "float16": base64.b64encode(numbers.tobytes()).decode(),
                },
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> "Relevance":
        """Raises InputError for what `to_json` did not write, or an older program did."""
        try:
            data: dict[str, Any] = json.loads(text)
            if (data["format"], tuple(data["features"])) != (FORMAT, FEATURES):
                raise ValueError("it was made by another version of sensorium")
            numbers = np.frombuffer(base64.b64decode(data["bank"]["float16"]), "<f2")
            return cls(
                model=data["model"],
                revision=data["revision"],
                coefficients=tuple(map(float, data["coefficients"])),
                cut_off=float(data["cut_off"]),
                floor=float(data["floor"]),
                bank=numbers.reshape(data["bank"]["shape"]).astype(np.float32),
                figures=Figures(**data["figures"]) if data["figures"] else None,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("this is no fit of relevance", str(error)) from error

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (self.to_json() + "\n").encode())


def features(
    values: Floats,
    scores: Floats,
    standings: Floats,
    items: int | NDArray[np.int64],
    bank: Floats,
) -> Numbers:
    """(n, len(FEATURES)). standings: see `standing`. items: of all, or of each."""
    columns = (
        np.ones(len(scores)),
        scores - hubness(values, bank),
        standings,
        np.log(np.broadcast_to(items, len(scores))),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def standing(scores: Floats, others: Floats) -> Floats:
    """How many standard deviations above the mean of `others` the scores are."""
    stands: Floats = (scores - others.mean()) / max(float(others.std()), 1e-6)
    return stands


def hubness(values: Floats, bank: Floats) -> Floats:
    """(n,): the mean cosine of each vector (n, d) with the sentences of the bank nearest to it."""
    nearest = min(_NEIGHBOURS, len(bank))
    near: Floats = np.partition(values @ bank.T, -nearest, axis=1)[:, -nearest:].mean(axis=1)
    return near


def fit(given: Numbers, labels: NDArray[np.bool], ridge: float = 1e-3) -> tuple[float, ...]:
    """Coefficients of a logistic regression of labels (n,) on features (n, f), the first of which
    is constant: Newton's method (iteratively reweighted least squares).

    ridge: of the squared coefficients in units of the features' own spread, so that two classes
    that can be told apart without error still give finite ones.
    """
    spread = given.std(axis=0)
    spread[0] = 1.0
    spread[spread == 0] = 1.0
    rows = given / spread
    penalty = ridge * len(rows) * np.eye(rows.shape[1])
    penalty[0, 0] = 0.0
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        claimed = sigmoid(rows @ weights)
        gradient = rows.T @ (labels - claimed) - penalty @ weights
        curve = (rows * (claimed * (1 - claimed))[:, None]).T @ rows + penalty
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(weights)), gradient)
        weights += step
        if float(np.abs(step).max()) < 1e-8:
            break
    return tuple(float(weight) for weight in weights / spread)


def sigmoid(values: Numbers) -> Numbers:
    return 1 / (1 + np.exp(-np.clip(values, -500, 500)))


def place_of(revision: str) -> Path:
    """Where a fit that was made on this machine is kept."""
    safe = "".join(letter if letter.isalnum() else "-" for letter in revision)
    return home() / "relevance" / f"{safe}.json"


def relevance_of(model: Provenance) -> Relevance | None:
    """The fit for this revision of this model: made on this machine, else the one that came with
    the model; None where there is none."""
    places = [place_of(model.revision)]
    with suppress(SensoriumError):  # a model that was handed in, or was removed since it indexed
        places.append(resolve(parse_spec(model.model)).folder / FILE)
    for path in places:
        found = _read(path) if path.is_file() else None
        if found is not None and found.revision == model.revision:
            return found
    return None


def _read(path: Path) -> Relevance | None:
    """A search does without a fit that cannot be read."""
    try:
        return Relevance.from_json(path.read_text("utf-8"))
    except (InputError, OSError, UnicodeDecodeError) as error:
        warnings.warn(f"{path} is left out: {error}; `evaluate relevance` makes it", stacklevel=2)
        return None

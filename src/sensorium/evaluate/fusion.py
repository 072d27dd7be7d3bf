"""How far texts, voices and faces are trusted when they are fused, and what fusing them gains."""

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Self, cast

import numpy as np

from sensorium.errors import InputError, SensoriumError
from sensorium.evaluate._modalities import MODALITIES, Sign
from sensorium.evaluate._pairs import Figures, Pairs, Read, common, figures, fit, pair
from sensorium.evaluate._table import Table
from sensorium.flow import Failed, Progress
from sensorium.models._labels import as_emotions, folding
from sensorium.results import Provenance, write_whole
from sensorium.results.codec import dumps, encode
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import AudioClassifier, FaceClassifier, TextClassifier
from sensorium.runtime.home import home
from sensorium.signal.fusion import FILE, Fusion
from sensorium.task import Range, task, use

_SIGNS: tuple[Sign, ...] = ("text", "voice", "face")
_SEEDS = 5
_FEWEST = 40  # rows of a table, so that both halves say something


@dataclass(frozen=True)
class Tables:
    """A folder with text.parquet, voice.parquet and face.parquet, as `evaluate emotion` takes them:
    rows that no model has learned from."""

    tables: dict[Sign, Table]

    @classmethod
    def of(cls, value: Any) -> Self:
        """Raises NotFound, InputError."""
        folder = Path(value).expanduser()
        return cls({name: Table.of(folder / f"{name}.parquet") for name in _SIGNS})


@dataclass(frozen=True)
class FusionReport:
    """rows: of each table that could be used. fused, even: all kinds of sign together, as fitted,
    and as they are (weights of 1, no temperature, even priors); alone: each by itself, over the
    moments that have it; all as fitted. Means over halvings and pairings by seeds 0 to 4; spread:
    the standard deviation of `fused` over them. by_signs: the accuracy where just those are there.

    fit: what is kept, of the first halving. saved: where, empty where it was not.
    """

    rows: dict[str, int]
    fused: dict[str, float]
    even: dict[str, float]
    alone: dict[str, dict[str, float]]
    spread: dict[str, float]
    by_signs: dict[str, dict[str, float]]
    fit: Fusion
    saved: str
    models: dict[str, Provenance]
    seconds: float


@task(example=["--data", "signs", "--save"])
def fusion(
    data: Annotated[Tables, "A folder with text.parquet, voice.parquet and face.parquet."],
    *,
    pairs: Annotated[int, Range(100, 100_000), "moments that are drawn to measure on"] = 5_000,
    save: Annotated[
        bool, "keep the fit: `sensorium emotion` with these models then uses it"
    ] = False,
    text_model: TextClassifier = use("text-classifier"),
    voice_model: AudioClassifier = use("audio-classifier"),
    face_model: FaceClassifier = use("face-classifier"),
) -> Generator[Progress | Failed, None, FusionReport]:
    """Fit and measure how texts, voices and faces are fused.

    Items of the same feeling that have nothing else to do with each other are put together, and
    kinds of sign left out at random; one half of the items is fitted on, the other measured on.
    That pairing takes the signs to be independent, so it proves nothing about real videos.
    """
    started = time.monotonic()
    models: dict[Sign, Any] = {"text": text_model, "voice": voice_model, "face": face_model}
    reads: dict[str, Read] = {}
    for name, table in data.tables.items():
        reads[name] = yield from _read(table, name, models[name])
    revisions = {str(name): model.provenance.revision for name, model in models.items()}
    runs = [_measure(reads, revisions, pairs, seed) for seed in range(_SEEDS)]
    fits, measured = [one for one, _ in runs], [told for _, told in runs]
    place = home() / FILE
    if save:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, (dumps(encode(fits[0]), 2) + "\n").encode())
    return FusionReport(
        rows={name: len(one.truth) for name, one in reads.items()},
        fused=_mean([one["fused"] for one in measured]),
        even=_mean([one["even"] for one in measured]),
        alone={name: _mean([one[name] for one in measured]) for name in reads},
        spread=_spread([one["fused"] for one in measured]),
        by_signs=_by_signs(reads, fits[0], pairs),
        fit=fits[0],
        saved=str(place) if save else "",
        models={name: model.provenance for name, model in models.items()},
        seconds=round(time.monotonic() - started, 3),
    )


def _read(table: Table, name: Sign, model: Any) -> Generator[Progress | Failed, None, Read]:
    """What the model says of every row whose feeling is one of ours."""
    sign = MODALITIES[name]
    labels = sign.labels(model, "emotion")
    chances: list[Any] = []
    truth, waiting, total = list[int](), list[Any](), len(table)
    for row in table.rows([*sign.columns, "emotion"], ["id"]):
        ours = folding([(row.values["emotion"] or "").strip()]).labels[0]
        if ours not in EMOTIONS:
            continue
        try:
            thing = sign.read(row.values, model)
        except SensoriumError as error:
            yield Failed(row, row.left_out(error))
            continue
        if thing is None:
            continue
        waiting.append(thing)
        truth.append(EMOTIONS.index(ours))
        if len(waiting) == sign.batch:
            chances.append(as_emotions(labels, sign.classify(model, waiting, "emotion")))
            waiting = []
            yield Progress(row.number, total, sign.things)
    if waiting:
        chances.append(as_emotions(labels, sign.classify(model, waiting, "emotion")))
    if len(truth) < _FEWEST:
        raise InputError(f"{table.path} has {len(truth)} rows", f"{_FEWEST} at least are wanted")
    return Read(np.concatenate(chances).astype(np.float64), np.array(truth))


def _measure(
    reads: dict[str, Read], revisions: dict[str, str], count: int, seed: int
) -> tuple[Fusion, dict[str, Figures]]:
    """A fit to one half, and figures of the other."""
    fitted, moments = _halved(reads, revisions, count, seed)
    told = {name: figures(moments.only(name), fitted) for name in reads}
    told["fused"] = figures(moments, fitted)
    told["even"] = figures(moments, Fusion())
    return fitted, told


def _halved(
    reads: dict[str, Read], revisions: dict[str, str], count: int, seed: int
) -> tuple[Fusion, Pairs]:
    random = np.random.default_rng(seed)
    halves = {name: one.halves(random) for name, one in reads.items()}
    fitted = fit({name: one for name, (one, _) in halves.items()}, revisions, random)
    rest = {name: other for name, (_, other) in halves.items()}
    return fitted, pair(rest, common(fitted.kinds), count, random)


def _by_signs(reads: dict[str, Read], fitted: Fusion, count: int) -> dict[str, dict[str, float]]:
    """Accuracy where just some kinds of sign are there: as fitted, as they are, and of the best of
    them alone."""
    revisions = {name: kind.revision for name, kind in fitted.kinds.items()}
    same, moments = _halved(reads, revisions, count, 0)
    found = {}
    for names in _subsets(list(reads)):
        where = moments.where(*names)
        if where.any():
            alone = [figures(moments.only(name), same, where).accuracy for name in names]
            found["+".join(names)] = {
                "fused": figures(moments, same, where).accuracy,
                "even": figures(moments, Fusion(), where).accuracy,
                "best alone": max(alone),
            }
    return found


def _subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(names) + 1):
        yield from combinations(names, size)


def _mean(several: list[Figures]) -> dict[str, float]:
    rows = [cast(dict[str, float], asdict(one)) for one in several]
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def _spread(several: list[Figures]) -> dict[str, float]:
    rows = [cast(dict[str, float], asdict(one)) for one in several]
    names = [name for name in rows[0] if name != "n"]
    return {name: round(float(np.std([row[name] for row in rows], ddof=1)), 4) for name in names}

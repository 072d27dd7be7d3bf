"""How often a model names what is felt, by corpus and by language."""

import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, SensoriumError
from sensorium.evaluate._modalities import (
    MODALITIES,
    Modality,
    Sign,
    Target,
    label_of,
    use_of_modality,
)
from sensorium.evaluate._table import Table
from sensorium.flow import Failed, Progress
from sensorium.metrics.calibration import calibration_error
from sensorium.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion,
    macro_f1,
    weighted_f1,
)
from sensorium.results import Provenance
from sensorium.roles import Floats
from sensorium.task import task

_METRICS = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
}


@dataclass(frozen=True)
class EmotionReport:
    """n: rows that were scored. accuracy, balanced_accuracy (mean recall of classes), macro_f1,
    weighted_f1: 0 to 1. confusion: a row a true label, a column a named one, in the order of
    labels. by_corpus: keyed by the column `source`, of voices `corpus`; by_language by `language`.

    calibration_error: of the likeliest label's probability. left_out: rows without the target, or
    without anything that could be read; unknown_labels: rows by labels that the model does not
    know, left out too.
    """

    n: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    by_corpus: dict[str, dict[str, float]]
    by_language: dict[str, dict[str, float]]
    calibration_error: float
    left_out: int
    unknown_labels: dict[str, int]
    model: Provenance
    seconds: float


@task(example=["--data", "texts.parquet", "--target", "emotion", "--json"])
def emotion(
    data: Table,
    *,
    modality: Annotated[
        Sign, "By which sign: words, the sound of a voice, the look of a face, picture and words."
    ] = "text",
    target: Annotated[
        Target | None,
        "Which column is predicted; of texts and posts sentiment, of others emotion. Of a face "
        "that is the word that it is filed under, votes are what people see in it.",
    ] = None,
    model: Any = use_of_modality(),
) -> Generator[Progress | Failed, None, EmotionReport]:
    """How often the right sentiment or emotion is named.

    Texts: the file has the columns `text` and `sentiment` or `emotion`, and may have `source` and
    `language`. A corpus without neutral texts is scored on negative and positive alone.

    Voices: the columns are `audio` (an encoded sound) and `emotion`, perhaps `corpus` and
    `language`; each corpus is scored on the labels that it has. Posts: `image`, `text` and
    `sentiment`. Faces: `image` (an encoded picture, cut to one face from hair to chin) and
    `emotion`, or FER+'s ten `votes`, the most of them the truth, as `sensorium emotion` tells.
    """
    started = time.monotonic()
    sign = MODALITIES[modality]
    target = _target(sign, modality, target)
    model = sign.opened(model)
    labels = sign.labels(model, target)
    if not labels:
        raise InputError(f"{model.provenance.model} tells no {target}")
    rows = _Rows(labels)
    yield from _classified(data, sign, target, model, rows)
    if not rows.truth:
        raise InputError(f"{data.path} has no row with a {target} that the model knows")
    named, chances = _named(rows, sign.optional(target, labels))
    truth = np.array(rows.truth)
    return EmotionReport(
        **_figures(named, truth),
        n=len(truth),
        labels=labels,
        confusion=tuple(map(tuple, confusion(named, truth, len(labels)).tolist())),
        by_corpus=_by(rows.corpora, named, truth),
        by_language=_by(rows.languages, named, truth),
        calibration_error=calibration_error(chances, named == truth),
        left_out=rows.left_out,
        unknown_labels=dict(rows.unknown),
        model=model.provenance,
        seconds=round(time.monotonic() - started, 3),
    )


@dataclass
class _Rows:
    """What was read so far. seen: rows of the file. waiting: what is still to be classified."""

    labels: Sequence[str]
    truth: list[int] = field(default_factory=list)
    corpora: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    seen: int = 0
    waiting: list[Any] = field(default_factory=list)

    def add(self, thing: Any, label: str, corpus: str | None, language: str | None) -> None:
        self.waiting.append(thing)
        self.truth.append(self.labels.index(label))
        self.corpora.append(corpus or "")
        self.languages.append(language or "")


def _target(sign: Modality, name: str, target: Target | None) -> Target:
    if target is not None and target not in sign.targets:
        raise InputError(
            f"--modality {name} tells no {target}", f"it tells {', '.join(sign.targets)}"
        )
    return target or sign.targets[0]


def _classified(
    data: Table, sign: Modality, target: Target, model: Any, rows: _Rows
) -> Generator[Progress | Failed, None, None]:
    """Every row whose label the model knows goes through it; the rest is counted."""
    total = len(data)
    for row in data.rows([*sign.columns, target], ["id", sign.corpus, "language"]):
        rows.seen += 1
        label = label_of(row.values[target])
        if label and label not in rows.labels:
            rows.unknown[label] += 1
            continue
        try:
            thing = sign.read(row.values, model) if label else None
        except SensoriumError as error:
            yield Failed(row, row.left_out(error))
            thing = None
        if thing is None:
            rows.left_out += 1
            continue
        rows.add(thing, label, row.values.get(sign.corpus), row.values.get("language"))
        if len(rows.waiting) == sign.batch:
            yield _done(sign, target, model, rows, total)
    if rows.waiting:
        yield _done(sign, target, model, rows, total)
    yield Progress(total, total, sign.things)


def _done(sign: Modality, target: Target, model: Any, rows: _Rows, total: int) -> Progress:
    """What waits is classified."""
    rows.scores.append(sign.classify(model, rows.waiting, target))
    rows.waiting = []
    return Progress(rows.seen, total, sign.things)


def _named(rows: _Rows, optional: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The likeliest label of each row and its probability, among the labels of its corpus."""
    scores = np.concatenate(rows.scores).astype(np.float64)
    corpora, truth = np.array(rows.corpora), np.array(rows.truth)
    for corpus in np.unique(corpora):
        own = corpora == corpus
        there = {rows.labels[at] for at in np.unique(truth[own])}
        foreign = [name in optional and name not in there for name in rows.labels]
        if foreign.count(False) > 1:  # a corpus of one label would always be right
            scores[np.ix_(own, foreign)] = 0.0
    scores /= np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
    return scores.argmax(axis=1), scores.max(axis=1)


def _figures(named: NDArray[np.int64], truth: NDArray[np.int64]) -> dict[str, float]:
    return {name: metric(named, truth) for name, metric in _METRICS.items()}


def _by(
    keys: Sequence[str], named: NDArray[np.int64], truth: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """The figures of each key, empty where the file has no such column."""
    column = np.array(keys)
    return {
        str(key): {"n": int((column == key).sum())}
        | _figures(named[column == key], truth[column == key])
        for key in np.unique(column)
        if key
    }

"""How often a model names what is felt, by corpus and by language."""

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.evaluate._table import Table
from sensorium.flow import Progress
from sensorium.metrics.calibration import calibration_error
from sensorium.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion,
    macro_f1,
    weighted_f1,
)
from sensorium.results import Provenance
from sensorium.roles import Floats, TextClassifier
from sensorium.task import task, use

Target = Literal["sentiment", "emotion"]
BATCH = 256
_NEUTRAL = "neutral"
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
    labels. by_corpus: keyed by the column `source`; by_language by `language`.

    calibration_error: of the likeliest label's probability. left_out: rows without the target;
    unknown_labels: rows by labels that the model does not know, left out too.
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
    modality: Annotated[Literal["text"], "By which sign: the words of a text."] = "text",
    target: Annotated[Target, "Which column is predicted."] = "sentiment",
    model: TextClassifier = use("text-classifier"),
) -> Generator[Progress, None, EmotionReport]:
    """How often the right sentiment or emotion is named.

    The file has the columns `text` and `sentiment` or `emotion`, and may have `source` and
    `language`. A corpus without neutral texts is scored on negative and positive alone.
    """
    started = time.monotonic()
    if target not in model.heads:
        raise InputError(
            f"{model.provenance.model} tells no {target}", f"it tells {', '.join(model.heads)}"
        )
    labels = model.heads[target]
    rows = _Rows()
    total = len(data)
    texts = _known(data, target, labels, rows)
    while batch := list(islice(texts, BATCH)):
        rows.scores.append(model.classify_texts(batch)[target])
        yield Progress(rows.seen, total, "texts")
    if not rows.truth:
        raise InputError(f"{data.path} has no row with a {target} that the model knows")
    named, chances = _named(rows, labels, target)
    truth = np.array(rows.truth)
    whole = _figures(named, truth)
    yield Progress(total, total, "texts")
    return EmotionReport(
        **whole,
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
    """What was read so far. seen: rows of the file."""

    truth: list[int] = field(default_factory=list)
    corpora: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    seen: int = 0


def _known(data: Table, target: str, labels: Sequence[str], rows: _Rows) -> Iterator[str]:
    """The texts whose label the model knows; the rest is counted."""
    for row in data.rows(["text", target], ["source", "language"]):
        rows.seen += 1
        values: dict[str, Any] = row.values
        label = (values[target] or "").strip()
        text = (values["text"] or "").strip()
        if not label or not text:
            rows.left_out += 1
        elif label not in labels:
            rows.unknown[label] += 1
        else:
            rows.truth.append(labels.index(label))
            rows.corpora.append(values.get("source") or "")
            rows.languages.append(values.get("language") or "")
            yield text


def _named(
    rows: _Rows, labels: Sequence[str], target: Target
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The likeliest label of each row and its probability, among the labels of its corpus."""
    scores = np.concatenate(rows.scores).astype(np.float64)
    if target == "sentiment" and _NEUTRAL in labels:
        neutral = labels.index(_NEUTRAL)
        three = {of for of, label in zip(rows.corpora, rows.truth, strict=True) if label == neutral}
        scores[[of not in three for of in rows.corpora], neutral] = 0.0
        scores /= scores.sum(axis=1, keepdims=True)
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

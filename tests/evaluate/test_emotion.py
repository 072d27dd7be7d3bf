from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.results import Provenance
from sensorium.results.codec import encode
from sensorium.roles import Floats, TextClassifier

Write = Callable[..., Path]
emotion = EVALUATIONS["emotion"]


class Wording:
    """Takes a text at its word: “positive 0.6, neutral 0.3” has these probabilities."""

    def __init__(self) -> None:
        self.provenance = Provenance("dir:wording", "1")
        self.heads = {
            "sentiment": ("negative", "neutral", "positive"),
            "emotion": ("anger", "happiness", "neutral"),
        }

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        return {name: self._rows(texts, labels) for name, labels in self.heads.items()}

    def _rows(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        told = [dict(part.split(" ") for part in text.split(", ")) for text in texts]
        rows = np.array([[float(one.get(label, 0.01)) for label in labels] for one in told])
        return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        return ((0, len(text)),)


@pytest.fixture
def data(write: Write) -> Path:
    """Corpus a has three classes; b has two, and once the model would say neutral there."""
    rows = [
        ("positive 0.9", "positive", "happiness", "a", "en"),
        ("neutral 0.9", "neutral", None, "a", "en"),
        ("neutral 0.9", "negative", "anger", "a", "zh"),
        ("neutral 0.6, negative 0.3", "negative", None, "b", "zh"),
        ("positive 0.8", "negative", None, "b", "zh"),
        ("positive 0.8", None, "joy", "b", "zh"),
    ]
    names = ("text", "sentiment", "emotion", "source", "language")
    columns = [list(column) for column in zip(*rows, strict=True)]
    return write(**dict(zip(names, columns, strict=True)))


def test_the_model_is_one() -> None:
    assert isinstance(Wording(), TextClassifier)


def test_a_corpus_without_neutral_is_scored_on_two_classes(data: Path) -> None:
    report = emotion(data, model=Wording())
    assert (report.n, report.left_out) == (5, 1)
    assert report.labels == ("negative", "neutral", "positive")
    assert report.confusion == ((1, 1, 1), (0, 1, 0), (0, 0, 1))
    assert report.accuracy == pytest.approx(3 / 5)
    assert report.balanced_accuracy == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert report.by_corpus["b"]["accuracy"] == 0.5
    assert report.by_corpus["a"]["accuracy"] == pytest.approx(2 / 3)
    assert report.by_language["en"] == pytest.approx(
        {"n": 2, "accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "weighted_f1": 1}
    )


def test_labels_that_the_model_does_not_know_are_counted(data: Path) -> None:
    report = emotion(data, target="emotion", model=Wording())
    assert (report.n, report.left_out, report.unknown_labels) == (2, 3, {"joy": 1})
    told = encode(report)
    assert {"n", "accuracy", "labels", "confusion", "by_corpus", "by_language"} <= set(told)


def test_a_file_without_the_column_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="no column sentiment"):
        emotion(write(text=["a"]), model=Wording())


def test_a_file_without_a_known_label_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="no row with a sentiment"):
        emotion(write(text=["a 1"], sentiment=["great"]), model=Wording())

"""Strangers' labels as ours."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.models._labels import SENTIMENTS, fold, folding, stated_labels
from sensorium.results.timeline import EMOTIONS
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.spec import Folder

# As checkpoints of the Hub write them.
LABELS = {
    "superb": ("neu", "hap", "ang", "sad"),
    "ravdess": "angry calm disgust fearful happy neutral sad surprised".split(),
    "two languages": ("生气/angry", "厌恶/disgusted", "开心/happy", "中立/neutral", "难过/sad"),
    "speakers": ("female_angry", "male_angry", "female_happy", "male_happy"),
    "chinese": ("喜悦", "愤怒", "厌恶", "恐惧", "悲伤", "惊讶", "平静"),
    "short chinese": ("乐", "怒", "恶", "惧", "哀", "惊"),
    "boredom": ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"),
}
SENTIMENT_LABELS = {
    "capitals": ("NEGATIVE", "POSITIVE"),
    "stars": ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
    "reviews": ("negative (stars 1, 2 and 3)", "positive (stars 4 and 5)"),
    "chinese": ("负面", "中性", "正面"),
    "five": ("Very Negative", "Negative", "Neutral", "Positive", "Very Positive"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_emotions_of_any_hand_are_ours(labels: tuple[str, ...]) -> None:
    how = folding(labels)
    assert how.head == "emotion" and not how.unknown
    assert how.labels == tuple(name for name in EMOTIONS if name in how.labels)


@pytest.mark.parametrize("labels", SENTIMENT_LABELS.values(), ids=SENTIMENT_LABELS)
def test_sentiments_of_any_hand_are_ours(labels: tuple[str, ...]) -> None:
    how = folding(labels)
    assert how.head == "sentiment" and not how.unknown
    assert how.labels == tuple(name for name in SENTIMENTS if name in how.labels)


def test_each_emotion_has_the_place_of_its_name() -> None:
    made, chances = fold(LABELS["chinese"], np.eye(7, dtype=np.float32))
    assert made == EMOTIONS
    named = [made[at] for at in chances.argmax(axis=1)]
    expected = "happiness anger disgust fear sadness surprise neutral"
    assert named == expected.split()


def test_calm_and_boredom_count_as_neutral() -> None:
    chances = np.array([[0.2, 0.3, 0.1, 0.4]], np.float32)
    made, folded = fold(("calm", "boredom", "neutral", "sad"), chances)
    assert made == ("sadness", "neutral")
    np.testing.assert_allclose(folded, [[0.4, 0.6]], atol=1e-6)


def test_an_unknown_label_is_kept_as_it_is_and_said() -> None:
    how = folding(("Contempt", "happy", "Sarcasm"))
    assert how.labels == ("happiness", "Contempt", "Sarcasm")
    assert how.unknown == ("Contempt", "Sarcasm")


def test_stars_are_sentiment_in_their_order() -> None:
    made, folded = fold(SENTIMENT_LABELS["stars"], np.eye(5, dtype=np.float32))
    assert [made[at] for at in folded.argmax(axis=1)] == [
        "negative", "negative", "neutral", "positive", "positive",
    ]  # fmt: skip


@given(st.lists(st.text(), min_size=1, max_size=9, unique=True), st.integers(1, 4))
def test_no_probability_is_lost(labels: list[str], rows: int) -> None:
    chances = np.random.default_rng(0).dirichlet(np.ones(len(labels)), rows).astype(np.float32)
    made, folded = fold(labels, chances)
    assert folded.shape == (rows, len(made)) and len(set(made)) == len(made)
    np.testing.assert_allclose(folded.sum(axis=1), 1, atol=1e-5)
    assert set(folding(labels).unknown) <= set(labels)


def checkpoint(folder: Path, labels: dict[str, str]) -> Checkpoint:
    (folder / "config.json").write_text(json.dumps({"id2label": labels}), "utf-8")
    return Checkpoint(Folder(folder), folder, "1")


def test_labels_are_in_the_order_of_the_logits(tmp_path: Path) -> None:
    labels = {str(n): f"name{n}x" for n in (10, 2, 0, 1)}
    assert stated_labels(checkpoint(tmp_path, labels)) == ("name0x", "name1x", "name2x", "name10x")


@pytest.mark.parametrize("labels", [{"0": "LABEL_0", "1": "LABEL_1"}, {"0": "0", "1": "1"}, {}])
def test_labels_without_names_are_refused(tmp_path: Path, labels: dict[str, str]) -> None:
    with pytest.raises(InputError, match="does not say what its classes are") as caught:
        stated_labels(checkpoint(tmp_path, labels))
    assert "id2label" in caught.value.hint


def test_digits_from_one_to_five_are_stars(tmp_path: Path) -> None:
    labels = stated_labels(checkpoint(tmp_path, {str(n): str(n + 1) for n in range(5)}))
    assert folding(labels).labels == SENTIMENTS

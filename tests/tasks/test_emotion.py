from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.flow import Progress
from sensorium.results import Provenance, Timeline
from sensorium.roles import Floats, TextClassifier
from sensorium.tasks import TASKS

emotion = TASKS["emotion"]
CUES = (
    "1\n00:00:01,000 --> 00:00:02,500\nI am happy today\n\n"
    "2\n00:00:04,000 --> 00:00:05,000\n我很生气\n"
)
WORDS = {"happy": 1, "glad": 1, "angry": 0, "生气": 0}


class Lexicon:
    """A small real classifier: each word that it knows adds to its emotion; counts its calls."""

    def __init__(self) -> None:
        self.provenance = Provenance("dir:lexicon", "1")
        self.heads = {
            "sentiment": ("negative", "neutral", "positive"),
            "emotion": ("anger", "happiness", "neutral"),
        }
        self.calls = 0

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        self.calls += 1
        weights = np.zeros((len(texts), 3))
        for at, text in enumerate(texts):
            for word, of in WORDS.items():
                weights[at, of] += 3 * text.count(word)
        chances = np.exp(weights) / np.exp(weights).sum(1, keepdims=True)
        felt = np.asarray(chances, np.float32)
        return {"emotion": felt, "sentiment": felt[:, [0, 2, 1]]}

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        places, at = [], 0
        for word in text.split(" "):
            places.append((at, at + len(word)))
            at += len(word) + 1
        return tuple(places)


def test_a_sentence_has_its_emotion_and_the_word_that_carried_it() -> None:
    told = emotion("I am happy. It is a table.", text_model=Lexicon())
    assert isinstance(told, Timeline)
    assert list(told.rows) == ["fused", "text"]
    assert (told.grid.unit, told.grid.count) == ("sentences", 2)
    first, second = told.evidence
    assert (first.label, first.language) == ("happiness", "en")
    assert first.carried == ("happy.",)
    assert first.valence == pytest.approx(first.sentiment["positive"] - first.sentiment["negative"])
    assert second.label == "unknown" and second.words == ()
    assert [(event.kind, event.start) for event in told.events] == [("unknown", 1.0)]


def test_probabilities_sum_to_one_where_seen() -> None:
    told = emotion(CUES, text_model=Lexicon())
    assert (told.grid.unit, told.grid.count) == ("seconds", 5)
    row = told.rows["text"]
    assert row.seen == (False, True, True, False, True)
    for step, seen in enumerate(row.seen):
        assert sum(row.at(step).values()) == pytest.approx(1.0 if seen else 0.0)
    assert [one.label for one in told.evidence] == ["happiness", "anger"]
    assert "[happiness" in told.srt()


def test_what_was_not_learned_is_said() -> None:
    told = emotion("Я очень рад. I am glad.", text_model=Lexicon())
    assert [event.kind for event in told.events] == ["language"]
    assert any("not learned" in note for note in told.notes)
    assert "not of minds" in told.notes[0]


def test_a_batch_of_sentences_is_one_call() -> None:
    model = Lexicon()
    events = list(emotion.stream("I am glad. " * 10, text_model=model))
    assert model.calls == 1
    assert events[0] == Progress(10, 0, "sentences")


def test_a_long_sentence_is_left_out_by_stretches() -> None:
    told = emotion(" ".join(["word"] * 99 + ["happy"]), text_model=Lexicon())
    (one,) = told.evidence
    assert one.label == "happiness"
    assert any("happy" in words for words in one.carried)


def test_a_text_without_letters_is_refused() -> None:
    with pytest.raises(InputError, match="no words"):
        emotion("?! ...", text_model=Lexicon())


def test_the_model_is_one() -> None:
    assert isinstance(Lexicon(), TextClassifier)


def test_the_built_in_model_tells_by_which_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))  # nobody's choice of another model
    told = emotion("I'm scared that the test results will be bad. 谢谢你一直陪着我，好温暖。")
    assert isinstance(told, Timeline)
    first, second = told.evidence
    assert (first.label, first.language) == ("fear", "en") and "scared" in first.carried
    assert (second.label, second.language) == ("happiness", "zh") and "谢谢" in second.carried
    assert first.valence < 0 < second.valence

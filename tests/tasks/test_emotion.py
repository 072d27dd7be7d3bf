from pathlib import Path
from types import ModuleType

import pytest

from sensorium.errors import InputError
from sensorium.flow import Progress
from sensorium.results import Timeline
from sensorium.roles import TextClassifier
from sensorium.tasks import TASKS

emotion = TASKS["emotion"]
CUES = (
    "1\n00:00:01,000 --> 00:00:02,500\nI am happy today\n\n"
    "2\n00:00:04,000 --> 00:00:05,000\n我很生气\n"
)


def test_a_sentence_has_its_emotion_and_the_word_that_carried_it(small: ModuleType) -> None:
    told = emotion("I am happy. It is a table.", text_model=small.Lexicon())
    assert isinstance(told, Timeline)
    assert list(told.rows) == ["fused", "text"]
    assert (told.grid.unit, told.grid.count) == ("sentences", 2)
    first, second = told.evidence
    assert (first.label, first.language) == ("happiness", "en")
    assert first.carried == ("happy.",)
    assert first.valence == pytest.approx(first.sentiment["positive"] - first.sentiment["negative"])
    assert second.label == "unknown" and second.words == ()
    assert [(event.kind, event.start) for event in told.events] == [("unknown", 1.0)]


def test_probabilities_sum_to_one_where_seen(small: ModuleType) -> None:
    told = emotion(CUES, text_model=small.Lexicon())
    assert (told.grid.unit, told.grid.count) == ("seconds", 5)
    row = told.rows["text"]
    assert row.seen == (False, True, True, False, True)
    for step, seen in enumerate(row.seen):
        assert sum(row.at(step).values()) == pytest.approx(1.0 if seen else 0.0)
    assert [one.label for one in told.evidence] == ["happiness", "anger"]
    assert "[happiness" in told.srt()


def test_what_was_not_learned_is_said(small: ModuleType) -> None:
    told = emotion("Я очень рад. I am glad.", text_model=small.Lexicon())
    assert [event.kind for event in told.events] == ["language"]
    assert any("not learned" in note for note in told.notes)
    assert "not of minds" in told.notes[0]


def test_a_batch_of_sentences_is_one_call(small: ModuleType) -> None:
    model = small.Lexicon()
    events = list(emotion.stream("I am glad. " * 10, text_model=model))
    assert model.calls == 1
    assert events[0] == Progress(10, 0, "sentences")


def test_a_long_sentence_is_left_out_by_stretches(small: ModuleType) -> None:
    told = emotion(" ".join(["word"] * 99 + ["happy"]), text_model=small.Lexicon())
    (one,) = told.evidence
    assert one.label == "happiness"
    assert any("happy" in words for words in one.carried)


def test_a_text_without_letters_is_refused(small: ModuleType) -> None:
    with pytest.raises(InputError, match="no words"):
        emotion("?! ...", text_model=small.Lexicon())


def test_an_emoji_alone_is_read(small: ModuleType) -> None:
    told = emotion("😡", text_model=small.Lexicon())
    (one,) = told.evidence
    assert (one.text, one.language) == ("😡", "")
    assert "language" not in {one.kind for one in told.events}
    for nothing in ("♪ ♪", "★ ★ ★", "🎵"):
        with pytest.raises(InputError, match="no words"):
            emotion(nothing, text_model=small.Lexicon())


def test_the_model_is_one(small: ModuleType) -> None:
    assert isinstance(small.Lexicon(), TextClassifier)


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

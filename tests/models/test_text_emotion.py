"""The built-in reader of texts, asked as people write."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.models.text_emotion import TextEmotionReader, code_points
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import TextClassifier
from sensorium.runtime.catalogue import BUILTIN

FELT = [
    ("You did a wonderful job, I'm so proud of you!", "happiness"),
    ("Thanks so much for your help, that was really kind.", "happiness"),
    ("I can't believe you lied to me again. Get out of my house!", "anger"),
    ("This is outrageous, they charged me twice and nobody answers the phone.", "anger"),
    ("My grandmother died last week and I miss her every day.", "sadness"),
    ("I feel so lonely since you left.", "sadness"),
    ("I'm scared that the test results will be bad.", "fear"),
    ("That smell is disgusting, I think I'm going to be sick.", "disgust"),
    ("Wow, I did not expect that at all!", "surprise"),
    ("Water boils at one hundred degrees.", "neutral"),
    ("谢谢你一直陪着我，好温暖。", "happiness"),
    ("气死我了，客服电话打了一天都没人接。", "anger"),
    ("奶奶上周去世了，我好想她。", "sadness"),
    ("天哪，完全没想到会是这样！", "surprise"),
    ("我好害怕检查结果不好。", "fear"),
    ("会议十点在四号会议室开始。", "neutral"),
]
VALUED = [
    ("A moving film, beautifully acted from beginning to end.", "positive"),
    ("A dull and predictable story that never comes to life.", "negative"),
    ("菜很新鲜，服务也热情，下次还来。", "positive"),
    ("服务员态度很差，再也不来了。", "negative"),
]


@pytest.fixture(scope="module")
def reader() -> Iterator[TextEmotionReader]:
    found = open_model("text-classifier", TextClassifier)
    assert isinstance(found, TextEmotionReader)
    yield found


@pytest.mark.parametrize(("text", "label"), FELT)
def test_what_is_felt(reader: TextEmotionReader, text: str, label: str) -> None:
    told = reader.classify_texts([text])["emotion"][0]
    assert reader.heads["emotion"] == EMOTIONS
    assert EMOTIONS[int(told.argmax())] == label


@pytest.mark.parametrize(("text", "label"), VALUED)
def test_what_is_thought_of_it(reader: TextEmotionReader, text: str, label: str) -> None:
    told = reader.classify_texts([text])["sentiment"][0]
    assert reader.heads["sentiment"][int(told.argmax())] == label


def test_company_and_links_change_nothing(reader: TextEmotionReader) -> None:
    texts = [text for text, _ in FELT]
    together = reader.classify_texts([*texts, "a " * 300])["emotion"]
    alone = np.concatenate([reader.classify_texts([text])["emotion"] for text in texts])
    assert np.allclose(together[:-1], alone, atol=1e-4)
    linked = reader.classify_texts([f"@friend: {text} https://t.co/abc" for text in texts])
    assert np.allclose(linked["emotion"], alone, atol=1e-4)


@pytest.mark.parametrize("text", ["", " ", "?", "a", "好", "😀", "\u200b"])
def test_next_to_nothing_has_probabilities(reader: TextEmotionReader, text: str) -> None:
    for chances in reader.classify_texts([text]).values():
        assert np.isfinite(chances).all() and chances.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我很生气，客服没人接。", "我很生气客服没人接"),
        (" 你好 world, I'm fine", "你好worldI'mfine"),
        ("Fantastic, my flight is cancelled.", "Fantasticmyflightiscancelled"),
    ],
)
def test_no_letter_is_in_two_words(reader: TextEmotionReader, text: str, words: str) -> None:
    places = reader.word_places(text)
    assert "".join(text[start:end] for start, end in places) == words
    assert all(first[1] <= second[0] for first, second in pairwise(places))


def test_a_folder_of_an_older_make_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    says = {"sentiment": ["negative"], "emotion": ["anger"], "text": {"max_length": 8}}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "text_emotion", **says}))
    with pytest.raises(InputError, match=r"text\.letters"):
        open_model(f"dir:{tmp_path}", TextClassifier)


def test_files_are_small() -> None:
    sizes = [path.stat().st_size for path in (BUILTIN / "text-emotion").iterdir()]
    assert sum(sizes) <= 16_000_000


def test_letters_are_in_lower_case_between_spaces() -> None:
    assert code_points("Ａb", 10) == [ord(" "), ord("a"), ord("b"), ord(" ")]
    assert code_points("abc", 2) == [ord(" "), ord("a")]

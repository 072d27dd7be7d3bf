import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.media import Span, Text
from sensorium.media.sentences import language_of, read_sentences, split_sentences


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I love it! Do you?", ["I love it!", "Do you?"]),
        ("Dr. Smith paid 3.5 dollars. He left.", ["Dr. Smith paid 3.5 dollars.", "He left."]),
        ("I am J. R. Smith. Hello", ["I am J. R. Smith.", "Hello"]),
        ("Oh no. No. 5 is lost.", ["Oh no.", "No. 5 is lost."]),
        ('"Go!" he said.', ['"Go!"', "he said."]),
        ("Well... maybe", ["Well...", "maybe"]),
        ("今天真开心！！但是“他走了。”我很难过", ["今天真开心！！", "但是“他走了。”", "我很难过"]),
        ("ok好吧?我知道了", ["ok好吧?", "我知道了"]),
        ("Nice. :) 2", ["Nice.", ":) 2"]),
        ("Nice. :)", ["Nice.:)"]),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, wanted: list[str]) -> None:
    assert split_sentences(text) == wanted


@given(st.text("ab .!?。！？“”」。…中文1", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    bare = "".join(split_sentences(text)).replace(" ", "")
    assert bare == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I am glad", "en"),
        ("我很高兴", "zh"),
        ("我用Python写了一个程序", "zh"),
        ("今日はとても嬉しい", "ja"),
        ("정말 기뻐요", "ko"),
        ("Je suis désolé, c'était très fâché", "other"),
        ("Я рад", "other"),
        ("!!! 123", ""),
    ],
)
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_cues_stay_whole_and_keep_their_time() -> None:
    srt = "1\n00:00:01,000 --> 00:00:03,000\nOh no. Not again!\n"
    (one,) = read_sentences(Text(srt).passages())
    assert (one.text, one.language, one.span) == ("Oh no. Not again!", "en", Span(1, 3))
    plain = [one.text for one in read_sentences(Text("Oh no. 不会吧！").passages())]
    assert plain == ["Oh no.", "不会吧！"]

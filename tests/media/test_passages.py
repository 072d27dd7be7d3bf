"""Texts and subtitles."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.media import Span, Text
from sensorium.media.passages import LONGEST, Passage, read_passages


def texts(source: Path | bytes | str) -> list[str]:
    return [passage.text for passage in read_passages(source)]


WORDS = "小猫坐在沙发上。\r\nThe kitten sits on a sofa.\r\n"
LINES = ["小猫坐在沙发上。", "The kitten sits on a sofa."]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk"]
)
def test_encodings(encoding: str) -> None:
    assert texts(WORDS.encode(encoding)) == LINES


def test_western_words_are_not_taken_for_chinese() -> None:
    words = "Déjà vu à l'école, où naïveté et cœur s'opposent. Ça suffit!"
    assert texts(words.encode("cp1252")) == [words]
    assert texts("Grüße aus Köln".encode("latin-1")) == ["Grüße aus Köln"]


@pytest.mark.parametrize(
    ("encoding", "words", "guessed"),
    [
        ("ascii", "plain words", ""),
        ("utf-8", WORDS, ""),
        ("utf-8-sig", WORDS, ""),
        ("utf-16", WORDS, ""),
        ("utf-16-le", WORDS, ""),
        ("gb18030", WORDS, "GB18030"),
        ("cp1252", "Grüße aus Köln", "Windows-1252"),
        ("euc_kr", "안녕하세요 반갑습니다", "GB18030"),
        ("big5", "我今天很高興，謝謝你們", "Windows-1252"),
    ],
)
def test_a_guess_at_the_encoding_is_known_as_one(
    tmp_path: Path, encoding: str, words: str, guessed: str
) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(words.encode(encoding))
    assert Text(path).guessed_encoding == Text(path.read_bytes()).guessed_encoding == guessed
    assert Text(words).guessed_encoding == ""


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\0" * 50])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(InputError, match="no text"):
        read_passages(data)


def test_strays_are_dropped() -> None:
    assert texts(b"words " * 40 + b"\x08and\x1a") == ["words " * 40 + "and"]
    assert texts("\uf8ff is an apple".encode()) == ["\uf8ff is an apple"]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("one\n\ntwo\n", "utf-8")
    assert texts(path) == ["one", "two"]
    assert Text(path).words == "one\ntwo"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        read_passages(path)
    with pytest.raises(NotFound):
        read_passages(tmp_path / "absent.txt")
    assert texts("words that are words") == ["words that are words"]


def test_paragraphs_that_a_margin_broke_are_joined() -> None:
    broken = (
        "The harbour lay still in the evening, and the boats that had\n"
        "gone out in the morning came back one after the other with\n"
        "lamps at their bows.\n"
        "A title\n"
        "Then a line.\n"
    )
    found = texts(broken)
    assert found[0].startswith("The harbour") and found[0].endswith("at their bows.")
    assert found[1:] == ["A title", "Then a line."]


@pytest.mark.parametrize("sentence", ["狗在草地上奔跑。", "A dog runs over the grass. ", "x" * 40])
def test_long_paragraphs_are_cut(sentence: str) -> None:
    found = texts(sentence * 200)
    assert max(map(len, found)) <= LONGEST
    assert "".join(found).replace(" ", "") == (sentence * 200).replace(" ", "")
    if sentence != "x" * 40:
        assert all(text.endswith(sentence.strip()[-1]) for text in found)


def test_markdown_leaves_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(
        "# Trip\n\n- **sea** and [sand](http://x.y)\n> quoted\n\n---\n```py\n1 * 2\n```\n"
    )
    assert texts(path) == ["Trip", "sea and sand", "quoted", "1 * 2"]


SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> {\\an8}there,
you.

2
00:00:03,000 --> 00:00:04,000 X1:100 X2:200
再见
3
0:00:05.5 --> 0:00:06.25
1999
"""


def test_subrip() -> None:
    for words in (SRT, SRT.replace("\n", "\r\n"), "\ufeff" + SRT):
        assert list(read_passages(words.encode())) == [
            Passage("Hello there, you.", Span(1.0, 2.5)),
            Passage("再见", Span(3.0, 4.0)),
            Passage("1999", Span(5.5, 6.25)),
        ]


VTT = """WEBVTT - a title

NOTE
what is noted is not said

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start position:10%
<v Ann>Tom &amp; <c.loud>Jerry</c> <00:01.500>run

01:00:03.000 --> 01:00:04.000
5 < 6

NOTE 00:09.000 --> is no time
"""


def test_webvtt() -> None:
    assert list(read_passages(VTT.encode())) == [
        Passage("Tom & Jerry run", Span(1.0, 2.0)),
        Passage("5 < 6", Span(3603.0, 3604.0)),
    ]


def test_subtitles_without_a_cue(tmp_path: Path) -> None:
    path = tmp_path / "x.srt"
    path.write_text("no times here")
    with pytest.raises(InputError, match="no subtitle"):
        read_passages(path)


def test_a_cue_that_ends_before_it_begins() -> None:
    words = b"00:00:05,000 --> 00:00:04,000\nback"
    assert list(read_passages(words)) == [Passage("back", Span(5.0, 5.0))]


def clock(millis: int, mark: str) -> str:
    seconds, millis = divmod(millis, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{millis:03}"


said = st.text(st.sampled_from("abc 你好猫é!?.,'-"), min_size=1).map(lambda t: " ".join(t.split()))
cues = st.lists(
    st.tuples(st.integers(0, 9_000_000), st.integers(0, 9_000), said.filter(bool)), min_size=1
)


@given(cues, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["utf-8", "utf-16"]))
@settings(deadline=None)
def test_round_trips(cues: list[tuple[int, int, str]], newline: str, encoding: str) -> None:
    expected = [Passage(text, Span(at / 1000, (at + long) / 1000)) for at, long, text in cues]
    srt = "".join(
        f"{number}\n{clock(at, ',')} --> {clock(at + long, ',')}\n{text}\n\n"
        for number, (at, long, text) in enumerate(cues, 1)
    )
    vtt = "WEBVTT\n\n" + "".join(
        f"{clock(at, '.')} --> {clock(at + long, '.')}\n{text}\n\n" for at, long, text in cues
    )
    for words in (srt, vtt):
        found = list(read_passages(words.replace("\n", newline).encode(encoding)))
        assert [one.text for one in found] == [one.text for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.span is not None and other.span is not None
            assert one.span.start == pytest.approx(other.span.start)
            assert one.span.end == pytest.approx(other.span.end)


@given(st.sampled_from([b"", b"WEBVTT\n\n", b"1\n00:00:01,000 --> 00:00:02,000\n"]), st.binary())
@settings(deadline=None)
def test_any_bytes_at_all(head: bytes, tail: bytes) -> None:
    try:
        for passage in read_passages(head + tail):
            assert passage.text.strip()
    except SensoriumError:
        pass


pieces = st.sampled_from(
    [
        "WEBVTT",
        "\n",
        "\n\n",
        "00:00:01,000",
        " --> ",
        "99:99:99.999",
        "1",
        "NOTE",
        "<",
        ">",
        "a",
        "&",
    ]
)


@given(st.lists(pieces).map("".join))
@settings(deadline=None)
def test_any_words_at_all(words: str) -> None:
    assert all(passage.text for passage in read_passages(words))

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.index.words import asked, coverage, match, tokens

CJK = st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
    | st.characters(min_codepoint=0x30A1, max_codepoint=0x30FA)
    | st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
    | st.characters(min_codepoint=0x20000, max_codepoint=0x2A6DF),
    min_size=1,
    max_size=12,
)


class Lines:
    """FTS5 as the library has it."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.execute('CREATE VIRTUAL TABLE words USING fts5 (tokens, tokenize = "unicode61")')

    def put(self, *lines: str) -> None:
        self.db.execute("DELETE FROM words")
        self.db.executemany("INSERT INTO words VALUES (?)", [(tokens(line),) for line in lines])

    def find(self, query: str) -> list[int]:
        """Places of the lines that have any of the query's words, best first."""
        found = self.db.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank", (match(query),)
        )
        return [row[0] - 1 for row in found]


@pytest.fixture(scope="module")
def fts() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.db.close()


def test_part_of_a_chinese_line(fts: Lines) -> None:
    fts.put("两只狗在草地上奔跑", "一只猫", "the green grass")
    assert fts.find("草地") == [0]
    assert fts.find("狗") == [0]
    assert fts.find("只") == [1, 0]  # the shorter line says it more


def test_the_line_with_more_and_rarer_words_comes_first(fts: Lines) -> None:
    fts.put("a hotel", "hotel and internet receipt", "internet cafe", "hotel lobby")
    assert fts.find("hotel internet receipt")[0] == 1


def test_case_width_and_accents_do_not_matter(fts: Lines) -> None:
    fts.put("CAFÉ Menü", "ＷｉＦｉ ２４時間", "ﾃﾚﾋﾞ")
    assert fts.find("cafe") == [0]
    assert fts.find("MENU") == [0]
    assert fts.find("wifi 24") == [1]
    assert fts.find("テレビ") == [2]


def test_kana_keep_their_voice_marks() -> None:
    assert asked("が") != asked("か")


def test_what_is_asked() -> None:
    assert asked("A dog, a DOG!") == ("dog",)
    assert asked("a") == ("a",)
    assert asked("长颈鹿 zoo") == ("长颈", "颈鹿", "zoo")
    assert asked("…!") == ()
    assert match("?!") == ""


def test_coverage_adds_up_over_lines() -> None:
    assert coverage("hotel receipt", ["HOTEL Astoria", "Receipt no. 7"]) == 1
    assert coverage("hotel receipt", ["Hotel"]) == pytest.approx(5 / 12)
    assert coverage("收据", ["酒店收据"]) == 1
    assert coverage("", ["anything"]) == 0


@given(query=st.text(max_size=40))
def test_no_text_is_a_syntax_error(fts: Lines, query: str) -> None:
    fts.put(query)
    if match(query):
        assert fts.find(query) == [0]
        assert coverage(query, [query]) == pytest.approx(1)


@given(text=CJK, start=st.integers(0, 11), length=st.integers(1, 12))
def test_every_part_of_cjk_text_is_found(fts: Lines, text: str, start: int, length: int) -> None:
    start %= len(text)
    part = text[start : start + length]
    fts.put("something else", text)
    assert 1 in fts.find(part)
    assert coverage(part, [text]) == pytest.approx(1)

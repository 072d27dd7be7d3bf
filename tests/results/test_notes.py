import re
from string import Formatter

import pytest

from sensorium.results.notes import (
    _ALL,
    LEFT_OUT,
    LOST,
    MISSING,
    OTHER_LANGUAGE,
    SOUND_AMISS,
    Note,
    in_chinese,
)


def names(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


@pytest.mark.parametrize("note", _ALL, ids=lambda note: note.en[:40])
def test_every_note_is_found_again_by_its_english(note: Note) -> None:
    assert names(note.en) == names(note.zh)
    values = {name: f"{at}.5" for at, name in enumerate(sorted(names(note.en)))}
    told = note(**values)
    assert in_chinese(told) == note.zh.format(**values)
    assert not re.search(r"[a-z]{3}", re.sub(r"--\w+( FILE\.srt)?", "", in_chinese(told)))


def test_values_are_in_chinese_where_they_are_words_of_ours() -> None:
    told = in_chinese(OTHER_LANGUAGE(languages="German and English", language="Chinese"))
    assert told == "语音模型只学过德语和英语：读中文只是猜测"
    told = in_chinese(OTHER_LANGUAGE(languages="English, German and French", language="xx"))
    assert told == "语音模型只学过英语、德语和法语：读xx只是猜测"
    assert in_chinese(LOST(count=3)) == "另有 3 张人脸出现较短，略去"
    assert in_chinese(LEFT_OUT(sign="face", labels="love")) == "人脸模型还分 love：略去"
    cut = SOUND_AMISS(why="it ends after 5.0 of 9.0 seconds")
    assert in_chinese(cut) == "声音：应有 9.0 秒，到 5.0 秒就断了"


def test_what_a_stranger_wrote_stays_as_it_is() -> None:
    assert in_chinese("hello: {0} {name} (x)") == "hello: {0} {name} (x)"
    assert in_chinese(MISSING(sign="face", why="a\n{b}: c")) == "没有读人脸：a\n{b}: c"

import io
from dataclasses import replace
from typing import Any

from rich.console import Console

from sensorium.results import Carrier, Event, Evidence, Timeline
from sensorium.results.notes import NO_FACE
from sensorium.views import feelings
from sensorium.views.html import fragment
from sensorium.views.plain import lines
from sensorium.views.terminal import render


def printed(timeline: Timeline) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None, highlight=False)
    console.print(render(timeline, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_time_emotion_valence_and_text(shown: Any) -> None:
    told = printed(shown.timeline)
    for words in ("2 cues in 3 s", "0:00", "happiness", "75%", "+0.80", "unknown", "随便吧"):
        assert words in told
    assert "a reading of signs" in told


def test_a_pipe_gets_columns(shown: Any) -> None:
    first, second = (line.split("\t") for line in lines(shown.timeline))
    assert first[:5] == ["0", "text", "happiness", "0.7500", "+0.8000"]
    assert second == ["2", "text", "unknown", "-", "", "随便吧"]
    post = Evidence("post", 0, 1, "ha", "en", "positive", {}, {"positive": 0.9}, 0.9)
    (told,) = lines(replace(shown.timeline, evidence=(post,)))
    assert told.split("\t")[2:4] == ["positive", "0.9000"]


def test_a_page_underlines_what_carried_and_needs_no_colours(shown: Any) -> None:
    told = fragment(shown.timeline)
    assert "&lt;i&gt;<mark>love</mark>" in told
    assert "高兴" in told and "happiness" in told and "不确定" in told
    assert "url(#hatch-anger)" in told
    assert "fused: happiness 100%" in told  # the band in words


def test_a_page_says_its_notes_and_remarks_in_chinese_too(shown: Any) -> None:
    event = Event(0.0, 1.0, "face-2", "disagreement", "text anger, face-2 happiness")
    notes = (*shown.timeline.notes, NO_FACE(), "something else.")
    told = fragment(replace(shown.timeline, notes=notes, events=(event,)))
    assert '<span lang="en">No face is found in it.</span>' in told
    assert '<span lang="zh">没有找到人脸。</span>' in told
    assert "Something else." in told and "something else。" in told
    assert "各路不一致：文字愤怒，人脸 2高兴" in told
    assert feelings.remark_zh("zh; de") == "中文；德语"


def test_one_sentence_has_no_chart(shown: Any) -> None:
    grid = replace(shown.timeline.grid, count=1)
    row = replace(
        shown.timeline.rows["text"],
        probabilities={"happiness": (0.75,), "anger": (0.25,)},
        seen=(True,),
    )
    alone = replace(
        shown.timeline, grid=grid, rows={"text": row}, evidence=shown.timeline.evidence[:1]
    )
    assert "felt-chart" not in fragment(alone).split("</style>")[1]


def test_pieces_of_a_text_put_together_are_the_text() -> None:
    words = (Carrier(2, 5, 0.3), Carrier(4, 6, 0.2), Carrier(7, 9, 0.1))
    one = Evidence("text", 0, 1, "abcdefghij", "en", "fear", {"fear": 1.0}, {}, 0.0, words)
    pieces = feelings.marked(one)
    assert "".join(text for text, _ in pieces) == one.text
    assert [text for text, carried in pieces if carried] == ["cde", "hi"]

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sensorium.results import AnyResult, Hits
from sensorium.views import inline, plain
from sensorium.views.terminal import COLUMNS, render, shows_pictures


def console(**more: Any) -> Console:
    settings: dict[str, Any] = {
        "force_terminal": True,
        "color_system": "truecolor",
        "width": 100,
    } | more
    return Console(file=io.StringIO(), highlight=False, **settings)


def printed(result: AnyResult, on: Console, preview: bool = True) -> str:
    on.print(render(result, on, preview))
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "here", lambda: inline.Protocol.BLOCKS)


def test_every_result_is_shown_and_none_steers_the_terminal(shown: Any) -> None:
    for result in shown.all:
        told = printed(result, console(color_system=None))
        assert told.strip() and "\x1b[31m" not in told.replace("\x1b]8;", "")


def test_hits_say_where_how_likely_and_why(shown: Any) -> None:
    told = printed(shown.hits, console(color_system=None, width=200))
    for words in (
        "4 of 1,234 items",
        "half.png",
        "very likely 90%",
        "shows the words “A & B <i>”",
        "also at 0:05–0:07",
        "the same as copy.png",
        "talk.srt@3s-5.5s",
        "“what <b>was</b> said”",
        "unlikely 20%",
        "its name says so",
        "1:01–1:15",
        "score 0.200",
    ):
        assert words in told


def test_nothing_found_is_said_calmly() -> None:
    none = Hits(query="a whale", hits=(), searched=1, verdict="nothing")
    assert "Nothing here matches a whale" in printed(none, console(color_system=None))


def test_what_does_not_match_is_told_without_pictures(shown: Any) -> None:
    nearest = replace(shown.hits, verdict="nothing")
    assert "▀" in printed(shown.hits, console())
    told = printed(nearest, console())
    assert "▀" not in told and "half.png" in told


def test_half_blocks_have_the_colours_of_the_picture(shown: Any) -> None:
    told = printed(shown.hits, console())
    assert "38;2;255;0;0;48;2;255;0;0m▀" in told and "38;2;0;0;255" in told
    assert "not there now" in told


@pytest.mark.parametrize(
    "more",
    [{"no_color": True}, {"color_system": "standard"}, {"width": 50}, {"color_system": None}],
)
def test_no_pictures_without_colours_or_room(shown: Any, more: dict[str, Any]) -> None:
    assert not shows_pictures(console(**more))
    assert "▀" not in printed(shown.hits, console(**more))
    assert "▀" not in printed(shown.hits, console(), preview=False)


@pytest.mark.parametrize(
    "way", [inline.Protocol.KITTY, inline.Protocol.ITERM, inline.Protocol.SIXEL]
)
def test_a_picture_stands_left_of_its_words(
    shown: Any, way: inline.Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "here", lambda: way)
    told = printed(shown.hits, console())
    start, end = told.index("\x1b7"), told.index("\x1b8")
    assert start < end < told.index("half.png")
    after = told[end + 2 : told.index("half.png")]
    assert after.startswith(" " * COLUMNS)  # the cursor moves over the picture, and draws nothing


def test_a_pipe_gets_columns_between_tabs(shown: Any, tmp_path: Path) -> None:
    lines = plain.lines(shown.hits)
    assert lines[0].split("\t") == ["0.3100", str(tmp_path / "half.png")]
    assert plain.lines(shown.scores) == ["0.7500\tred <half>", "0.2500\t蓝"]
    assert plain.lines(shown.boxes) == ["出口"]
    assert plain.lines(shown.vectors)[1].startswith("b\t0.000000 1.000000")

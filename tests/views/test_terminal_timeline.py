"""A timeline at a terminal: whatever its length, about a screen, within the columns."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from sensorium.results import Event, Evidence, Grid, Row, Timeline
from sensorium.results.timeline import EMOTIONS
from sensorium.views.terminal import render


def long(steps: int = 600, faces: int = 2) -> Timeline:
    """Happy in the first half, afraid in the second; nothing is seen in the last tenth."""
    half, end = steps // 2, steps - steps // 10
    happy = tuple(0.8 if at < half else 0.0 if at >= end else 0.1 for at in range(steps))
    fear = tuple(0.2 if at < half else 0.0 if at >= end else 0.9 for at in range(steps))
    nothing = (0.0,) * steps
    chances = dict.fromkeys(EMOTIONS, nothing) | {"happiness": happy, "fear": fear}
    row = Row(chances, tuple(at < end for at in range(steps)))
    names = ["fused", "text", "voice", "face", *(f"face-{n}" for n in range(2, faces + 1))]
    signs = {"pitch median, Hz": 210.4, "loudness, LUFS": -23.1, "pauses, s": 0.4}
    evidence = tuple(
        Evidence("text", at, at + 2, "说得太快了，听不清楚。" * 4, "zh", "fear",
                 {"fear": 0.5 + at / 9999}, {"positive": 0.1}, -0.5)
        if at % 4 else
        Evidence("voice", at, at + 2, "", "", "happiness", {"happiness": 0.5}, {}, 0.0, (), signs)
        for at in range(0, steps, 2)
    )  # fmt: skip
    events = tuple(
        Event(at, at + 1, "voice", "disagreement", "voice happiness, text fear")
        for at in range(0, steps, 9)
    )
    return Timeline(
        item="talk \x1b[31m.mp4",
        grid=Grid("seconds", 1.0, steps),
        labels=EMOTIONS,
        rows=dict.fromkeys(names, row),
        evidence=evidence,
        events=events,
        notes=("a reading of signs by small models, not of minds",),
    )


def printed(timeline: Timeline, width: int = 80, height: int = 30, **more: Any) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        highlight=False,
        **{"color_system": None} | more,
    )
    console.print(render(timeline, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    lines = printed(long(), width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_a_long_one_is_about_a_screen() -> None:
    told = printed(long(7200, faces=3))
    assert len(told.splitlines()) <= 30
    assert "2:00:00 · text, voice, 3 faces" in told
    assert "most telling of 3600; all of them: --csv" in told


def test_a_cell_has_the_letter_of_what_is_likeliest() -> None:
    rows = {line.split(" ")[0]: line for line in printed(long()).splitlines()}
    cells = rows["fused"].split()[1]
    assert set(cells[:34]) == {"h"} and set(cells[37:60]) == {"f"} and set(cells[-6:]) == {"·"}
    assert rows["face-2"].split()[1] == cells
    assert "h happiness" in printed(long()) and "≠ rows disagree:  0:00 voice" in printed(long())


def test_without_colours_nothing_is_lost_and_nothing_steers() -> None:
    plain = printed(long(), force_terminal=True)
    assert "\x1b" not in plain
    coloured = printed(long(), force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured and "\x1b[31m.mp4" not in coloured


def test_a_few_pieces_are_told_in_full() -> None:
    timeline = replace(long(20), events=())
    told = printed(replace(timeline, evidence=timeline.evidence[:3]), height=40)
    assert "pitch median 210 Hz, loudness -23" in told and "most telling" not in told
    assert "".join(told.split()).count("说得太快了") == 4


def test_what_only_has_a_sentiment_is_told() -> None:
    row = Row({}, (True, True, True))
    one = Evidence("text", 0, 1, "fine", "en", "unknown", {}, {"positive": 0.7}, 0.6)
    bare = Timeline(
        item="a text", grid=Grid("sentences", 1.0, 3), labels=(), rows={"fused": row},
        evidence=(one,) * 3,
    )  # fmt: skip
    assert "+0.60" in printed(bare) and "fine" in printed(bare)


@pytest.mark.parametrize(
    ("steps", "every", "rows", "size"),
    [
        (3, 1.0, (), "3 s · no signs"),
        (1, 1.0, (), "no signs"),
        (3, 5.0, ("text",), "1 cue in 15 s"),
        (1, 1.0, ("text",), "1 sentence"),
        (1, 1.0, ("post",), "post"),
        (1, 1.0, ("face", "post"), "post, a face"),
    ],
)
def test_the_head_says_how_much_was_read(
    steps: int, every: float, rows: tuple[str, ...], size: str
) -> None:
    seen = bool(rows)
    row = Row({"fear": (float(seen),) * steps}, (seen,) * steps)
    told = printed(
        Timeline(
            item="x.mp4",
            grid=Grid("seconds", every, steps),
            labels=("fear",),
            rows=dict.fromkeys(["fused", *(one for one in rows if one != "post")], row),
            evidence=tuple(
                Evidence(one, 0, 1, "", "", "fear", {"fear": 1.0}, {}, 0.0) for one in rows
            ),
        )
    )
    assert told.splitlines()[0] == f"x.mp4   {size}"
    assert ("fused" in told) == (seen and steps > 1)

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.results import Carrier, Evidence, Grid, Row, Timeline

LABELS = ("anger", "happiness")


def said(start: float, end: float, text: str, label: str, chance: float) -> Evidence:
    emotion = {label: chance, next(one for one in LABELS if one != label): 1 - chance}
    sentiment = {"negative": 0.2, "positive": 0.8}
    return Evidence("text", start, end, text, "en", label, emotion, sentiment, 0.6)


def talk(unit: str = "seconds") -> Timeline:
    row = Row({"anger": (0.75, 0.0, 0.25), "happiness": (0.25, 0.0, 0.75)}, (True, False, True))
    evidence = (said(0.2, 0.9, "=1+1", "anger", 0.75), said(2, 2.5, "how nice", "happiness", 0.75))
    return Timeline(
        item="talk.srt",
        grid=Grid(unit, 1.0, 3),
        labels=LABELS,
        rows={"fused": row, "text": row},
        evidence=evidence,
    )


@given(st.floats(0, 50), st.floats(0, 10), st.sampled_from([0.5, 1.0, 2.0]))
def test_a_stretch_lies_in_the_steps_that_it_touches(
    start: float, length: float, every: float
) -> None:
    grid = Grid("seconds", every, 200)
    steps = grid.steps(start, start + length)
    assert len(steps) >= 1
    assert grid.bounds(steps[0])[0] <= start < grid.bounds(steps[0])[1]
    assert grid.bounds(steps[-1])[1] >= min(start + length, 200 * every)


def test_what_lies_beyond_the_grid_touches_none() -> None:
    assert list(Grid("seconds", 1.0, 3).steps(7, 9)) == []


def test_a_step_without_a_sign_has_no_probabilities() -> None:
    row = talk().rows["text"]
    assert row.at(0) == {"anger": 0.75, "happiness": 0.25}
    assert row.at(1) == {}


def test_the_table_has_a_line_a_step_and_row_and_runs_no_formula() -> None:
    lines = list(csv.DictReader(io.StringIO(talk().csv())))
    assert len(lines) == 6
    assert [line["row"] for line in lines] == ["fused"] * 3 + ["text"] * 3
    assert lines[0]["label"] == "anger" and lines[0]["text"] == "'=1+1"
    assert (lines[1]["label"], lines[1]["anger"], lines[1]["text"]) == ("", "", "")
    assert float(lines[2]["happiness"]) == 0.75 and float(lines[2]["valence"]) == 0.6


def test_a_track_has_a_cue_for_what_was_said() -> None:
    assert talk().srt() == (
        "1\n00:00:00,200 --> 00:00:00,900\n[anger 75%] =1+1\n\n"
        "2\n00:00:02,000 --> 00:00:02,500\n[happiness 75%] how nice\n"
    )


def test_a_text_without_times_gives_no_track() -> None:
    with pytest.raises(InputError, match="no subtitle track"):
        talk("sentences").srt()


def test_saved_by_suffix(tmp_path: Path) -> None:
    for name in ("t.csv", "t.srt", "t.json"):
        talk().save(tmp_path / name)
    assert (tmp_path / "t.csv").read_text("utf-8") == talk().csv()
    assert (tmp_path / "t.srt").read_text("utf-8") == talk().srt()
    assert Timeline.from_json((tmp_path / "t.json").read_text("utf-8")) == talk()


def test_words_that_carried_come_weightiest_first() -> None:
    words = (Carrier(0, 3, 0.1), Carrier(4, 8, 0.5))
    one = Evidence("text", 0, 1, "how nice", "en", "happiness", {}, {}, 0.0, words)
    assert one.carried == ("nice", "how")

from dataclasses import replace
from pathlib import Path

import pytest

from sensorium.errors import InputError, Refused
from sensorium.results import Evidence, Grid, Row, Scores, Timeline
from sensorium.results.timeline import CALM
from sensorium.surfaces.cli._out import Out
from sensorium.surfaces.cli._ways import WAYS, ways_of


def read(unit: str) -> Timeline:
    row = Row({"fear": (1.0,)}, (True,))
    said = Evidence("text", 0, 1, "oh", "en", "fear", {"fear": 1.0}, {}, 0.0)
    return Timeline(
        item="x", grid=Grid(unit, 1.0, 1), labels=("fear",), rows={"text": row}, evidence=(said,)
    )


def test_only_a_timeline_has_a_table_and_a_track() -> None:
    flags = {one.flag for one in ways_of(Timeline)}
    assert {"--csv", "--srt", "--html", "--save"} <= flags
    assert not {"--csv", "--srt"} & {one.flag for one in ways_of(Scores)}


def test_tables_of_several_have_one_head(capsys: pytest.CaptureFixture[str]) -> None:
    (table,) = [one for one in WAYS if one.flag == "--csv"]
    table.show((read("sentences"), read("sentences")), True, Out())
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("item,row,start,end") and len(told) == 3
    assert told[1] == told[2] == "x,text,0,1,sentences,fear,1.0000,,oh"
    table.show((read("sentences"),), True, Out())
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("row,start,end") and len(told) == 2


def test_a_track_is_written_whole_or_refused(tmp_path: Path) -> None:
    (track,) = [one for one in WAYS if one.flag == "--srt"]
    track.show((read("seconds"),), str(tmp_path / "t.srt"), Out())
    assert "[fear 100%] oh" in (tmp_path / "t.srt").read_text("utf-8")
    with pytest.raises(InputError, match="no subtitle track"):
        track.show((read("sentences"),), str(tmp_path / "u.srt"), Out())
    assert not (tmp_path / "u.srt").exists()
    with pytest.raises(InputError, match="one item"):
        track.refuse_several(2)
    track.refuse_several(1)


def test_what_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (page,) = [one for one in WAYS if one.flag == "--html"]
    page.check(str(tmp_path / "p.html"))
    with pytest.raises(InputError, match="a folder"):
        page.check(str(tmp_path))
    with pytest.raises(InputError, match="no folder"):
        page.check(str(tmp_path / "none" / "p.html"))
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(Refused, match="no permission"):
        page.check(str(tmp_path / "p.html"))


def test_in_a_pipe_lines_of_several_say_whose_they_are_and_notes_go_aside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = replace(read("sentences"), notes=(CALM, "no speech is heard in it"))
    Out().result(one, named=True)
    Out().result(one)
    Out(json=True).result(one)
    told = capsys.readouterr()
    assert told.out.splitlines()[:2] == [
        "x\t0\ttext\tfear\t1.0000\t\toh",
        "0\ttext\tfear\t1.0000\t\toh",
    ]
    assert told.err.splitlines() == ["x: no speech is heard in it"] * 2

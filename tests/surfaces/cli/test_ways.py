from pathlib import Path

import pytest

from sensorium.errors import InputError
from sensorium.results import Evidence, Grid, Row, Scores, Timeline
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
    assert told[0].startswith("row,start,end") and len(told) == 3
    assert told[1] == told[2] == "text,0,1,sentences,fear,1.0000,,oh"


def test_a_track_is_written_whole_or_refused(tmp_path: Path) -> None:
    (track,) = [one for one in WAYS if one.flag == "--srt"]
    track.show((read("seconds"),), str(tmp_path / "t.srt"), Out())
    assert "[fear 100%] oh" in (tmp_path / "t.srt").read_text("utf-8")
    with pytest.raises(InputError, match="no subtitle track"):
        track.show((read("sentences"),), str(tmp_path / "u.srt"), Out())
    assert not (tmp_path / "u.srt").exists()
    with pytest.raises(InputError, match="one item"):
        track.show((read("seconds"), read("seconds")), str(tmp_path / "t.srt"), Out())

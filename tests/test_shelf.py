"""Shelves of real packages, written to a temporary folder and put on the path."""

import sys
from pathlib import Path

import pytest

from sensorium.errors import NotFound, SensoriumError
from sensorium.shelf import Shelf

POINTS = "[{group}]\ngood = guest_good\nbroken = guest_broken\nplain = guest_good\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"shelf_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "plain.py").write_text("THING = 'ours'")
    (folder / "two_words.py").write_text("THING = 2")
    (folder / "_hidden.py").write_text("raise RuntimeError('never imported')")
    (folder / "explosive.py").write_text("raise RuntimeError('imported without being asked for')")
    (tmp_path / "guest_good.py").write_text("THING = 'guest'")
    (tmp_path / "guest_broken.py").write_text("import no_such_module")
    info = tmp_path / "guests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS.format(group=name))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def shelf(package: str) -> Shelf[object]:
    return Shelf(package, lambda module: module.THING)


def test_names_cost_no_import(package: str) -> None:
    assert list(shelf(package)) == ["explosive", "plain", "two-words", "good", "broken"]
    assert "explosive" in shelf(package)
    assert f"{package}.explosive" not in sys.modules


def test_a_file_is_imported_when_asked_for(package: str) -> None:
    assert shelf(package)["two-words"] == 2


def test_a_guest_is_found_but_never_takes_a_name_of_ours(package: str) -> None:
    assert shelf(package)["good"] == "guest"
    assert shelf(package)["plain"] == "ours"


def test_a_broken_guest_fails_alone_with_a_hint(package: str) -> None:
    with pytest.raises(SensoriumError, match="no_such_module") as caught:
        shelf(package)["broken"]
    assert "guests" in caught.value.hint


def test_a_name_that_is_not_there(package: str) -> None:
    with pytest.raises(NotFound) as caught:
        shelf(package)["_hidden"]
    assert "two-words" in caught.value.hint

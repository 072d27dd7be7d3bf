from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.errors import InputError, NotFound
from sensorium.index import Index
from sensorium.tasks import TASKS

search = TASKS["search"]


@pytest.fixture
def library(tower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, rgb in {"red": (220, 30, 30), "blue": (30, 50, 220)}.items():
        Image.fromarray(np.full((40, 60, 3), rgb, np.uint8)).save(folder / f"{name}.png")
    with Index("mine") as index:
        index.add(folder, model=tower)
    return Index("mine")


def test_options_reach_the_index(library: Index, tower: Any) -> None:
    with library:
        assert search("blue", library=library, model=tower)[0].path.name == "blue.png"
        assert len(search("blue", k=1, library=library, model=tower)) == 1
        assert not search("blue", kind=("video",), library=library, model=tower).hits
        assert not search("blue", until=date(2001, 1, 1), library=library, model=tower).hits
        assert not search("blue", near="48.85,2.35,5", library=library, model=tower).hits
        assert len(search("zzz", path="*red*", library=library, model=tower)) == 1


def test_a_composed_query(library: Index, tower: Any) -> None:
    with library:
        found = search(["blue", "+", "red", "-", "blue"], library=library, model=tower)
        assert found[0].path.name == "red.png"


def test_options_are_checked(library: Index, tower: Any) -> None:
    with library:
        for wrong in ({"k": 0}, {"min_score": 2}, {"near": "Paris"}, {"kind": ("smell",)}):
            with pytest.raises(InputError):
                search("blue", library=library, model=tower, **wrong)


def test_a_library_by_name_is_not_made(library: Index, tower: Any, tmp_path: Path) -> None:
    library.close()
    assert search("blue", library="mine", model=tower).searched == 2
    with pytest.raises(NotFound, match="no such library") as told:
        search("blue", library="yours", model=tower)
    assert "mine" in told.value.why and told.value.hint == "--library mine"
    assert not (tmp_path / "home" / "libraries" / "yours").exists()


def test_among_lines(tower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    picture = np.full((40, 60, 3), (30, 50, 220), np.uint8)
    found = search(picture, among=tmp_path / "labels.txt", model=tower)
    assert [hit.text for hit in found.hits] == ["blue", "red"] and found.searched == 2
    best = found[0].score
    assert best is not None
    least = best - 1e-4
    near = search(picture, among=tmp_path / "labels.txt", min_score=least, model=tower)
    assert [hit.text for hit in near.hits] == ["blue"]
    assert not (tmp_path / "home").exists()

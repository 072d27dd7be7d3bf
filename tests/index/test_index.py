"""The handle: names, entries, removing, exporting, what it says of itself."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sensorium.errors import InputError, NotFound
from sensorium.index import Index, State, libraries, remove_library
from sensorium.index.export import COLUMNS, gather
from sensorium.index.schema import VERSION

Paint = Callable[..., Path]


@pytest.fixture
def filled(index: Index, folder: Path, paint: Paint, tower: Any) -> Index:
    for number in (1, 2, 3):
        paint(folder / "trip" / f"{number}.png", seed=number)
    (folder / "notes.txt").write_text("red\n\ngreen", "utf-8")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff broken")
    index.add(folder, model=tower)
    return index


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", ".hidden", "a:b", " a", "a\0b"])
def test_names_that_cannot_be_folders(home: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name"):
        Index(name, home=home)
    with pytest.raises(InputError, match="cannot name"):
        remove_library(name, home)


def test_libraries_are_listed_and_removed(home: Path) -> None:
    assert libraries(home) == []
    for name in ("旅行", "default", "a b"):
        Index(name, home=home).close()
    assert libraries(home) == ["a b", "default", "旅行"]
    remove_library("旅行", home)
    assert libraries(home) == ["a b", "default"]
    with pytest.raises(NotFound):
        remove_library("旅行", home)


def test_the_home_is_where_the_setting_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "set"))
    with Index("x") as index:
        assert index.folder == tmp_path / "set" / "libraries" / "x"
    assert libraries() == ["x"]


def test_a_closed_index_says_so(home: Path) -> None:
    with Index(home=home) as index:
        pass
    with pytest.raises(InputError, match="closed"):
        len(index)


def test_entries_tell_what_files_tell(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Nikon", "Nikon D5"
    exif.get_ifd(0x8769)[0x9003] = "2023:04:05 06:07:08"
    exif.get_ifd(0x8825).update({1: "S", 2: (10.0, 30.0, 0.0), 3: "E", 4: (20.0, 0.0, 0.0)})
    Image.new("RGB", (90, 60)).save(folder / "a.jpg", exif=exif)
    index.add(folder, model=tower)
    (entry,) = index
    assert entry.taken == datetime(2023, 4, 5, 6, 7, 8) and entry.camera == "Nikon D5"
    assert entry.place == (-10.5, 20.0) and (entry.width, entry.height) == (90, 60)
    assert (entry.kind, entry.state, entry.size) == ("image", "ok", entry.path.stat().st_size)


def test_info(filled: Index, folder: Path) -> None:
    info = filled.info()
    assert info.items == {("image", "ok"): 3, ("image", "bad"): 1, ("text", "ok"): 1}
    assert info.roots == (folder,) and info.version == VERSION and info.bytes > 10_000
    (model,) = info.models
    assert (model.spec, model.contents, model.vectors, model.current) == ("colours", 4, 5, True)


def test_removing_forgets_but_not_what_another_file_still_holds(
    filled: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "same as 1.png", seed=1)
    filled.add(folder, model=tower)
    assert filled.remove(folder / "trip") == 3
    count = filled.store.db.execute("SELECT count(*) FROM vectors").fetchone()[0]
    assert (len(filled), count) == (2, 3)  # the copy, and two passages
    assert filled.remove([str(folder / "notes.txt")]) == 1
    assert filled.store.db.execute("SELECT count(*) FROM words").fetchone() == (0,)
    with pytest.raises(NotFound):
        filled.remove(folder / "nowhere")
    assert (folder / "trip" / "1.png").exists()


def test_a_removed_root_is_not_indexed_again(filled: Index, folder: Path, tower: Any) -> None:
    assert filled.remove(folder) == 5
    assert filled.info().roots == () and len(list(filled)) == 0
    with pytest.raises(InputError, match="nothing to index"):
        filled.add(model=tower)


def test_compacting_drops_what_nothing_holds(
    filled: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    for seed in range(10, 200):
        paint(folder / f"{seed}.png", seed=seed)
    filled.add(folder, model=tower)
    for seed in range(10, 200):
        (folder / f"{seed}.png").unlink()
    filled.add(folder, model=tower)
    count = "SELECT count(*) FROM vectors"
    assert filled.store.db.execute(count).fetchone() == (195,)
    assert filled.compact() > 0
    assert filled.store.db.execute(count).fetchone() == (5,)
    assert len(filled) == 4 and filled.add(folder, model=tower).unchanged == 5


def test_searching_what_was_indexed(
    index: Index, folder: Path, paint: Paint, tower: Any, towers: Any
) -> None:
    assert index.search("red", model=tower).hits == ()
    paint(folder / "1.png", (220, 30, 30), seed=1)
    paint(folder / "2.png", (30, 50, 220), seed=2)
    index.add(folder, model=tower)
    hits = index.search("blue", k=1, model=tower)
    assert [hit.path.name for hit in hits.hits] == ["2.png"] and hits.searched == 2
    (hit,) = index.search(folder / "1.png", k=1, model=tower).hits
    assert hit.path.name == "1.png" and hit.score == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(InputError, match="not indexed with other") as told:
        index.search("blue", model=towers("other"))
    assert "colours" in told.value.why and "--model other" in told.value.hint
    changed = towers("colours")
    changed.provenance = replace(changed.provenance, revision="2")
    with pytest.raises(InputError, match="not indexed") as told:
        index.search("blue", model=changed)
    assert "changed" in told.value.why
    index.add(folder, model=changed)
    assert index.search("blue", k=1, model=changed).hits[0].path.name == "2.png"


def test_duplicates(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    assert list(index.duplicates()) == []
    one, two = paint(folder / "1.png", seed=1), paint(folder / "2.bmp", seed=1)
    paint(folder / "3.png", (30, 50, 220), seed=2)
    index.add(folder, model=tower)
    assert [set(group) for group in index.duplicates()] == [{one, two}]


def test_exports(filled: Index, tmp_path: Path, folder: Path) -> None:
    assert filled.export(tmp_path / "out" / "a.jsonl") == 5
    lines = (tmp_path / "out" / "a.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert set(rows[0]) == set(COLUMNS) and rows[0]["path"] == str(folder / "bad.jpg")
    assert filled.export(tmp_path / "table", "csv") == 5
    with (tmp_path / "table").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["path"] for row in read] == [row["path"] for row in rows]
    assert read[0]["state"] == "bad" and read[0]["reason"]
    with pytest.raises(InputError, match="no format"):
        filled.export(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="needs a format"):
        filled.export(tmp_path / "folder")
    assert filled.export(tmp_path / "links", "links") == len(filled)
    assert all(path.is_symlink() for path in (tmp_path / "links").iterdir())
    count = filled.export(tmp_path / "copies", "copies")
    assert count == len(list((tmp_path / "copies").iterdir()))


def test_export_to_parquet(filled: Index, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    filled.export(tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == list(COLUMNS) and table.num_rows == 5
    assert sum(table["width"].drop_null().to_pylist()) == 3 * 64


def test_parquet_without_pyarrow(
    filled: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="parquet") as told:
        filled.export(tmp_path / "a.parquet")
    assert "sensorium[data]" in told.value.hint and not (tmp_path / "a.parquet").exists()


def test_gathering_overwrites_nothing(folder: Path, paint: Paint, tmp_path: Path) -> None:
    one = paint(folder / "x" / "a.png", seed=1)
    two = paint(folder / "y" / "a.png", seed=2)
    out = tmp_path / "out"
    made = gather([one, two, one, folder / "gone.png"], out)
    assert [path.name for path in made] == ["a.png", "a (2).png"]
    assert made[1].read_bytes() == two.read_bytes()
    (link,) = gather([one], out, link=True)
    assert link.name == "a (3).png" and link.readlink() == one


@pytest.mark.skipif(os.name != "posix", reason="modes of folders are POSIX")
@pytest.mark.parametrize("beside", [True, False], ids=["while it is open", "alone"])
def test_a_read_only_library_is_read(filled: Index, home: Path, folder: Path, beside: bool) -> None:
    """As another user who may not write; root would be let through."""
    if not beside:
        filled.close()
    script = (
        "import os, sys, urllib.parse\n"  # pathlib's late import: another user may not read it
        "from pathlib import Path\n"
        "from sensorium.index import Index, forgetting\n"
        "from sensorium.errors import SensoriumError\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "with Index(home=Path(sys.argv[1])) as index:\n"
        "    print(len(index), len(list(index)))\n"
        "    try: index.remove(sys.argv[2])\n"
        "    except SensoriumError as error: print(type(error).__name__, error)\n"
    )
    places = [home, *home.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    for above in home.parents[:-2]:
        above.chmod(0o755)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, str(home), str(folder)], capture_output=True, text=True
        )
    finally:
        for place in places:
            if place.exists():
                place.chmod(0o755 if place.is_dir() else 0o644)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "4 5" and second.startswith("Refused") and "read-only" in second


def test_an_empty_library_is_true_and_iterates(index: Index) -> None:
    assert index and list(index) == [] and list(index.entries(State.BAD)) == []


def test_importing_the_room_loads_nothing_heavy() -> None:
    script = (
        "import sys, sensorium.index\n"
        "heavy = {'faiss', 'onnxruntime', 'av', 'PIL', 'pyarrow', 'watchfiles'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr

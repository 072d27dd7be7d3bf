"""Deleted files leave; files whose disk is not here stay, and are marked."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorium.index import Index, State
from sensorium.index.reading import disk_of

Paint = Callable[..., Path]


@pytest.fixture
def filled(index: Index, folder: Path, paint: Paint, tower: Any) -> Index:
    for number in (1, 2, 3):
        paint(folder / "trip" / f"{number}.png", seed=number)
    paint(folder / "top.png", seed=9)
    index.add(folder, model=tower)
    return index


def states(index: Index) -> dict[str, State]:
    return {entry.path.name: entry.state for entry in index}


def test_deleted_files_and_folders_leave(filled: Index, folder: Path, tower: Any) -> None:
    (folder / "top.png").unlink()
    assert filled.add(folder, model=tower).removed == 1
    shutil.rmtree(folder / "trip")
    (folder / "other.txt").write_text("still here", "utf-8")
    assert filled.add(folder, model=tower).removed == 3
    assert set(states(filled)) == {"other.txt"}


@pytest.mark.parametrize("leave", ["missing", "empty"])
def test_a_disk_that_is_not_mounted_keeps_its_files(
    filled: Index, folder: Path, tower: Any, leave: str
) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    if leave == "empty":
        folder.mkdir()
    added = filled.add(folder, model=tower)
    assert (added.absent, added.removed) == (4, 0)
    assert set(states(filled).values()) == {State.ABSENT} and len(filled) == 0
    if leave == "empty":
        folder.rmdir()
    away.rename(folder)
    back = filled.add(folder, model=tower)
    assert (back.unchanged, back.new, len(filled), tower.pictures) == (4, 0, 4, 4)


def test_a_folder_of_before_may_be_missing(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    path = paint(folder / "a.png", seed=1)
    other = paint(folder.with_name("other") / "b.png", seed=2).parent
    index.add([folder, other], model=tower)
    index.remove(path)
    shutil.rmtree(folder)
    shutil.rmtree(other)
    assert index.add(model=tower).absent == 1


def test_a_mount_point_inside_the_folder(filled: Index, folder: Path, tower: Any) -> None:
    with filled.store.transaction() as db:  # as if `trip` had been another disk, mounted there
        db.execute("UPDATE items SET disk = 'usb' WHERE path LIKE '%/trip/%'")
    shutil.rmtree(folder / "trip")
    (folder / "trip").mkdir()
    added = filled.add(folder, model=tower)
    assert (added.absent, added.removed, added.unchanged) == (3, 0, 1)


def test_a_renumbered_disk_is_the_same_disk(filled: Index, folder: Path, tower: Any) -> None:
    with filled.store.transaction() as db:  # numbers of devices may change from boot to boot
        db.execute("UPDATE items SET disk = 'sdb1 of before'")
    (folder / "trip" / "1.png").unlink()
    added = filled.add(folder, model=tower)
    assert (added.absent, added.removed, added.unchanged) == (0, 1, 3)
    disks = {row[0] for row in filled.store.db.execute("SELECT disk FROM items")}
    assert disks == {disk_of(str(folder))}


def test_only_walked_folders_are_judged(
    filled: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    other = folder.with_name("other")
    paint(other / "o.png", seed=20)
    filled.add(other, model=tower)
    (folder / "top.png").unlink()
    assert filled.add(other, model=tower).removed == 0
    assert filled.add(folder / "trip", model=tower).removed == 0
    assert "top.png" in states(filled)


def test_folders_whose_names_begin_alike(
    filled: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    sibling = folder.with_name(folder.name + "-old")
    paint(sibling / "s.png", seed=30)
    filled.add(sibling, model=tower)
    shutil.rmtree(sibling)
    assert filled.add(folder, model=tower).absent == 0
    assert states(filled)["s.png"] is State.OK


def test_what_is_left_out_now_stays(filled: Index, folder: Path, tower: Any) -> None:
    added = filled.add(folder, model=tower, exclude=["trip"])
    assert (added.seen, added.removed, added.absent, len(filled)) == (1, 0, 0, 4)


def test_a_deleted_file_that_was_named_leaves(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    path = paint(folder / "a.png")
    paint(folder / "b.png", seed=4)
    index.add(path, model=tower)
    path.unlink()
    assert index.add(path, model=tower).removed == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_locked_folder_keeps_its_files(filled: Index, folder: Path, tower: Any) -> None:
    (folder / "trip").chmod(0)
    try:
        added = filled.add(folder, model=tower)
    finally:
        (folder / "trip").chmod(0o755)
    assert (added.absent, added.removed, len(added.skipped)) == (3, 0, 1)
    assert filled.add(folder, model=tower).unchanged == 4

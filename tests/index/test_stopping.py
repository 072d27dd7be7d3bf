"""Stopped at any moment, a run costs seconds and never the library; two runs share one."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensorium.index import Index
from sensorium.media.image import read_picture

Paint = Callable[..., Path]
CONFTEST = Path(__file__).parent.parent / "conftest.py"
SCRIPT = f"""
    import importlib.util, sys, time
    from pathlib import Path
    from sensorium.index import Index

    spec = importlib.util.spec_from_file_location("conftest", {str(CONFTEST)!r})
    fakes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fakes)

    class Slow(fakes.ColourTower):
        def encode_images(self, tensors):
            time.sleep(0.04 * len(tensors))
            return super().encode_images(tensors)

    home, folder = map(Path, sys.argv[1:])
    with Index(home=home) as index:
        added = index.add(folder, model=Slow())
        print(added.new, added.known, added.unchanged)
"""


def start(home: Path, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(home), str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def wait_for_items(home: Path, number: int, process: "subprocess.Popen[str]") -> None:
    path = home / "libraries" / "default" / "library.sqlite"
    for _ in range(1000):
        if process.poll() is not None:
            raise AssertionError(process.communicate())
        if path.exists():
            try:
                with closing(sqlite3.connect(path)) as db:
                    if db.execute("SELECT count(*) FROM items").fetchone()[0] >= number:
                        return
            except sqlite3.OperationalError:
                pass  # the tables are not there yet
        time.sleep(0.02)
    raise AssertionError("nothing was committed in 20 seconds")


def check(index: Index) -> None:
    """The file is sound, and every item that is ok has all of its vectors."""
    assert index.store.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    half = index.store.db.execute(
        "SELECT path FROM items WHERE state = 'ok'"
        " AND (content NOT IN (SELECT content FROM embedded) OR NOT EXISTS"
        " (SELECT 1 FROM spans s JOIN vectors v ON v.span = s.id"
        " WHERE s.content = items.content))"
    ).fetchall()
    assert half == []


@pytest.fixture
def pictures(folder: Path, paint: Paint) -> Path:
    for seed in range(1, 81):
        paint(folder / f"{seed:03}.png", seed=seed)
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like SIGKILL")
def test_kill_9_costs_seconds(home: Path, pictures: Path, tower: Any) -> None:
    process = start(home, pictures)
    wait_for_items(home, 16, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Index(home=home) as index:
        check(index)
        kept = len(index)
        assert 16 <= kept < 80
        added = index.add(pictures, model=tower)
        assert (added.unchanged, added.new, len(index)) == (kept, 80 - kept, 80)
        assert tower.pictures <= 80 - kept
        check(index)


@pytest.mark.skipif(sys.platform == "win32", reason="a console is needed there")
def test_an_interrupt_keeps_what_is_done(home: Path, pictures: Path, tower: Any) -> None:
    process = start(home, pictures)
    wait_for_items(home, 16, process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in told
    with Index(home=home) as index:
        check(index)
        kept = len(index)
        assert 16 <= kept < 80
        assert index.add(pictures, model=tower).new == 80 - kept


def test_two_processes_share_a_library(home: Path, pictures: Path, tower: Any) -> None:
    both = [start(home, pictures), start(home, pictures)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert [sum(map(int, out.split())) for out, _ in told] == [80, 80]
    with Index(home=home) as index:
        check(index)
        assert len(index) == 80
        count = index.store.db.execute("SELECT count(*), count(DISTINCT span) FROM vectors")
        assert count.fetchone() == (80, 80)
        assert index.add(pictures, model=tower).unchanged == 80


def test_closing_the_generator_keeps_what_is_done(index: Index, pictures: Path, tower: Any) -> None:
    run = index.adding(pictures, model=tower)
    for event in run:
        if event.done >= 40:
            break
    run.close()
    check(index)
    kept = len(index)
    assert 40 <= kept < 80
    assert index.add(pictures, model=tower).new == 80 - kept


def test_what_is_done_is_committed_while_a_decoder_takes_its_time(
    index: Index, folder: Path, paint: Paint, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(1, 6):
        paint(folder / f"{seed}.png", seed=seed)
    slow, right, released = paint(folder / "slow.png", seed=9), read_picture, threading.Event()

    def read(source: Any, at_least: int = 0, path: Path | None = None) -> Any:
        if path == slow:
            released.wait(20)
        return right(source, at_least, path)

    monkeypatch.setattr("sensorium.index.reading.read_picture", read)
    monkeypatch.setattr("sensorium.index.adding._PATIENCE", 0.1)
    monkeypatch.setattr("sensorium.index.ledger._SECONDS", 0.1)
    run = index.adding(folder, model=tower)
    for _ in run:
        if len(index) == 5:
            break
    assert not released.is_set() and len(index) == 5
    released.set()
    list(run)
    assert len(index) == 6


def test_a_slow_model_is_given_small_batches(
    index: Index, folder: Path, paint: Paint, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(1, 9):
        paint(folder / f"{seed}.png", seed=seed)
    right, batches = tower.encode_images, list[int]()

    def slow(tensors: Any) -> Any:
        batches.append(len(tensors))
        clock[0] += 1.5 * len(tensors)
        return right(tensors)

    clock = [0.0]
    monkeypatch.setattr(tower, "encode_images", slow)
    monkeypatch.setattr("sensorium.index.adding.time.monotonic", lambda: clock[0])
    index.add(folder, model=tower)
    assert max(batches) <= 4 and set(batches[1:]) == {1} and sum(batches) == 8


def test_a_model_that_fails_keeps_what_was_done(
    index: Index, pictures: Path, tower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tower.encode_images

    def fail(tensors: Any) -> Any:
        if tower.pictures > 30:
            raise RuntimeError("the device is lost")
        return right(tensors)

    monkeypatch.setattr(tower, "encode_images", fail)
    with pytest.raises(RuntimeError, match="lost"):
        index.add(pictures, model=tower)
    check(index)
    assert 16 <= len(index) <= tower.pictures <= 46


def test_a_long_video_goes_on_where_it_was(
    index: Index, folder: Path, film: Callable[[Path, int], Path], tower: Any, towers: Any
) -> None:
    film(folder / "long.mp4", 8)
    whole = towers("whole")
    index.add(folder, model=whole)
    stops = [row[0] for row in index.store.db.execute("SELECT stop FROM spans ORDER BY number")]
    assert whole.pictures == len(stops) >= 8
    with index.store.transaction() as db:  # as a run leaves it that was killed after four scenes
        row = index.store.model(tower.provenance, tower.dimensions)
        for (span,) in db.execute("SELECT id FROM spans ORDER BY number LIMIT 4").fetchall():
            index.store.put_vector(span, row, bytes(128))
    assert index.add(folder, model=tower).new == 1
    assert tower.pictures == len(stops) - 4
    again = index.store.db.execute("SELECT number, stop FROM spans ORDER BY number").fetchall()
    assert again == list(enumerate(stops))
    count = index.store.db.execute("SELECT count(*) FROM vectors WHERE model = ?", (row,))
    assert count.fetchone() == (len(stops),)


def test_a_video_whose_scenes_are_all_there_only_needs_its_row(
    index: Index, folder: Path, film: Callable[[Path, int], Path], tower: Any
) -> None:
    film(folder / "a.mp4", 2)
    index.add(folder, model=tower)
    done = tower.pictures
    with index.store.transaction() as db:
        db.execute("DELETE FROM embedded")
        db.execute("DELETE FROM items")
    assert index.add(folder, model=tower).new == 1
    assert tower.pictures == done and len(index) == 1

"""A library file is made, brought up to date, or left alone."""

import sqlite3
import threading
from pathlib import Path

import pytest

from sensorium.errors import InputError, Refused
from sensorium.index import Index, schema
from sensorium.index.schema import connect, connect_readonly
from sensorium.index.store import Store


def version(path: Path) -> int:
    db = sqlite3.connect(path)
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found


def test_a_newer_library_is_refused_and_left_as_it_is(home: Path) -> None:
    with Index(home=home) as index:
        path = index.store.path
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.execute("CREATE TABLE of_the_future (x)")
    db.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="newer") as told:
        Index(home=home)
    assert "99" in told.value.why and told.value.hint
    assert path.read_bytes() == before


def test_an_older_library_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "library.sqlite"
    db = connect(path)
    db.execute("INSERT INTO roots VALUES ('/photos')")
    db.close()
    second = "ALTER TABLE roots ADD COLUMN added TEXT NOT NULL DEFAULT '';\nCREATE TABLE more (x)"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, second))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    db = connect(path)
    assert db.execute("SELECT path, added FROM roots").fetchall() == [("/photos", "")]
    assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)
    db.close()
    assert version(path) == schema.VERSION


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "library.sqlite"
    connect(path).close()
    broken = "CREATE TABLE more (x);\nCREATE TABLE items (x)"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(sqlite3.OperationalError):
        connect(path)
    monkeypatch.undo()
    db = connect(path)
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    db.close()
    assert "more" not in names and version(path) == schema.VERSION


@pytest.mark.parametrize("content", ["text", "other"])
def test_another_programs_file_is_no_library(tmp_path: Path, content: str) -> None:
    path = tmp_path / "library.sqlite"
    if content == "text":
        path.write_text("this is no database, but long enough to be looked at" * 20, "utf-8")
    else:
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE bookmarks (x)")
        db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="no library"):
        connect(path)
    assert path.read_bytes() == before


def test_many_may_make_one_library_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "library.sqlite"
    failures: list[Exception] = []
    gate = threading.Barrier(8)

    def make() -> None:
        gate.wait()
        try:
            connect(path).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and version(path) == schema.VERSION


def test_a_read_only_connection_reads_and_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    db = connect(path)
    db.execute("INSERT INTO roots VALUES ('/photos')")
    db.close()
    db = connect_readonly(path)
    assert db.execute("SELECT path FROM roots").fetchall() == [("/photos",)]
    with pytest.raises(sqlite3.OperationalError):
        db.execute("DELETE FROM roots")
    db.close()


def test_a_read_only_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.sqlite"
    Store(path).close()
    monkeypatch.setattr("sensorium.index.store._is_writable", lambda _: False)
    store = Store(path)
    assert list(store.items()) == []
    with pytest.raises(Refused, match="read-only"), store.transaction():
        raise AssertionError("this must not run")
    store.close()

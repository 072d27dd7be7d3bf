"""Store: the tables of one library, and every statement that reads or changes its items.

A thread has its own connection, so that readers never wait and see what is committed; writers take
turns, in this process and in others, by SQLite's own lock.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from sensorium.errors import Busy, InputError, Refused, SensoriumError
from sensorium.index.item import Item, State
from sensorium.index.schema import connect, connect_readonly
from sensorium.media import Kind
from sensorium.results import Provenance

_COLUMNS = ", ".join(field.name for field in fields(Item))
_MARKS = ", ".join("?" for _ in fields(Item))
_CHANGES = ", ".join(f"{field.name} = excluded.{field.name}" for field in fields(Item))
_PUT_ITEM = (
    f"INSERT INTO items ({_COLUMNS}) VALUES ({_MARKS}) ON CONFLICT (path) DO UPDATE SET {_CHANGES}"
)
_values = attrgetter(*(field.name for field in fields(Item)))
_KNOWN = """
SELECT i.id, i.size, i.modified, i.content, i.state, i.disk,
    EXISTS (SELECT 1 FROM embedded e WHERE e.content = i.content AND e.model = ?)
FROM items i WHERE i.path = ?"""
_REACHED = """
SELECT count(*), max(s.stop) FROM spans s JOIN vectors v ON v.span = s.id
WHERE s.content = ? AND v.model = ?"""
_SPAN = """
SELECT id FROM spans
WHERE content = ? AND number = ? AND start IS ? AND stop IS ? AND at IS ?"""


@dataclass(frozen=True, slots=True)
class Known:
    """What a walk asks of a path. embedded: the model has all of its content."""

    id: int
    size: int
    modified: int
    content: bytes | None
    state: State
    disk: str
    embedded: bool


@dataclass(frozen=True, slots=True)
class SpanKey:
    """A span by its place in a content; start, stop, at in seconds, None for what has no time."""

    content: bytes
    number: int
    start: float | None = None
    stop: float | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class ModelRow:
    id: int
    spec: str
    revision: str
    dimensions: int


class Store:
    def __init__(self, path: Path) -> None:
        """Open or make the library file `path`; one whose folder is read-only is opened to read.

        Raises InputError for a newer library, or a file that is none.
        """
        self.path = path
        self.writable = _is_writable(path)
        self._own = threading.local()
        self._opened: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        self._closed = False
        self.db.execute("SELECT 1")  # a library that cannot be opened is told of now

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection."""
        if self._closed:
            raise InputError(f"{self.path} is closed", "its Index was closed")
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = connect(self.path) if self.writable else connect_readonly(self.path)
            self._own.db = db
            with self._lock:
                self._close([thread for thread in self._opened if not thread.is_alive()])
                self._opened[threading.current_thread()] = db
        return db

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close(list(self._opened))

    def _close(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            self._opened.pop(thread).close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything within is written, or nothing. Waits for other writers, a minute at most."""
        self.require_writable()
        db = self.db
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise _told(error, self.path) from error
            raise

    def require_writable(self) -> None:
        if not self.writable:
            raise Refused(
                f"the library in {self.path.parent} cannot be changed",
                why="its folder is read-only",
                hint="search works; to add, make it writable or use another library",
            )

    # items

    def known(self, path: str, model: int) -> Known | None:
        row = self.db.execute(_KNOWN, (model, path)).fetchone()
        if row is None:
            return None
        id, size, modified, content, state, disk, embedded = row
        return Known(id, size, modified, content, State(state), disk, bool(embedded))

    def put_item(self, item: Item) -> None:
        self.db.execute(_PUT_ITEM, _values(item))

    def items(self, state: State | None = None) -> Iterator[Item]:
        where, values = ("WHERE state = ?", (state,)) if state else ("", ())
        rows = self.db.execute(f"SELECT {_COLUMNS} FROM items {where} ORDER BY path", values)
        return map(_item, rows)

    def item(self, path: str) -> Item | None:
        row = self.db.execute(f"SELECT {_COLUMNS} FROM items WHERE path = ?", (path,)).fetchone()
        return _item(row) if row else None

    def twin(self, content: bytes) -> Item | None:
        """Any file of that content that is here: what it says of itself is the same."""
        row = self.db.execute(
            f"SELECT {_COLUMNS} FROM items WHERE content = ? AND state != 'absent' LIMIT 1",
            (content,),
        ).fetchone()
        return _item(row) if row else None

    def under(self, path: str) -> Iterator[tuple[int, str, str]]:
        """(id, path, disk) of the item at `path` and of all below that folder."""
        return iter(
            self.db.execute(
                "SELECT id, path, disk FROM items WHERE path = ? OR (path >= ? AND path < ?)",
                (path, *_below(path)),
            ).fetchall()
        )

    def set_disk(self, disk: str, ids: Iterable[int]) -> None:
        self.db.executemany("UPDATE items SET disk = ? WHERE id = ?", ((disk, id) for id in ids))

    def set_absent(self, ids: Iterable[int]) -> None:
        self.db.executemany("UPDATE items SET state = 'absent' WHERE id = ?", ((id,) for id in ids))

    def set_present(self, ids: Iterable[int]) -> None:
        """Back from absence, as what they were: `reason` and kind tell."""
        self.db.executemany(
            "UPDATE items SET state = CASE WHEN reason != '' THEN 'bad'"
            " WHEN kind = 'audio' THEN 'listed' ELSE 'ok' END WHERE id = ?",
            ((id,) for id in ids),
        )

    def drop_items(self, ids: Iterable[int]) -> None:
        """The rows alone: what was computed stays by content, should the file come back."""
        self.db.executemany("DELETE FROM items WHERE id = ?", ((id,) for id in ids))

    # contents

    def is_embedded(self, content: bytes, model: int) -> bool:
        found = self.db.execute(
            "SELECT 1 FROM embedded WHERE content = ? AND model = ?", (content, model)
        )
        return found.fetchone() is not None

    def reached(self, content: bytes, model: int) -> tuple[int, float]:
        """How many spans of a content a model has, and the second where the last one stops."""
        count, stop = self.db.execute(_REACHED, (content, model)).fetchone()
        return count, stop or 0.0

    def put_span(self, key: SpanKey) -> tuple[int, bool]:
        """The span's id, and whether it is new."""
        values = (key.content, key.number, key.start, key.stop, key.at)
        made = self.db.execute(
            "INSERT OR IGNORE INTO spans (content, number, start, stop, at) VALUES (?, ?, ?, ?, ?)",
            values,
        )
        if made.rowcount:
            assert made.lastrowid is not None
            return made.lastrowid, True
        return int(self.db.execute(_SPAN, values).fetchone()[0]), False

    def put_vector(self, span: int, model: int, value: bytes) -> None:
        """value: float16, unit length."""
        self.db.execute(
            "INSERT OR IGNORE INTO vectors (span, model, value) VALUES (?, ?, ?)",
            (span, model, value),
        )

    def put_line(
        self, span: int, source: str, text: str, tokens: str, box: tuple[float, ...] | None = None
    ) -> None:
        """tokens: the text as full-text search wants it. box: left, top, right, bottom, pixels."""
        made = self.db.execute(
            "INSERT INTO lines (span, source, text, left, top, right, bottom)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (span, source, text, *(box or (None,) * 4)),
        )
        self.db.execute("INSERT INTO words (rowid, tokens) VALUES (?, ?)", (made.lastrowid, tokens))

    def put_embedded(self, content: bytes, model: int) -> None:
        self.db.execute(
            "INSERT OR IGNORE INTO embedded (content, model) VALUES (?, ?)", (content, model)
        )

    def forget_orphans(self) -> int:
        """Drop what was computed of contents that no item has; how many spans that were."""
        orphan = "content NOT IN (SELECT content FROM items WHERE content IS NOT NULL)"
        self.db.execute(f"DELETE FROM embedded WHERE {orphan}")
        self.db.execute(f"DELETE FROM notes WHERE {orphan}")
        self.db.execute(f"DELETE FROM felt WHERE {orphan}")
        return self.db.execute(f"DELETE FROM spans WHERE {orphan}").rowcount

    def forget(self, contents: Iterable[bytes]) -> None:
        """As `forget_orphans`, of these contents alone."""
        unused = "content = ?1 AND NOT EXISTS (SELECT 1 FROM items WHERE content = ?1)"
        for content in contents:
            for table in ("embedded", "notes", "felt", "spans"):
                self.db.execute(f"DELETE FROM {table} WHERE {unused}", (content,))

    # models, roots, meta

    def model(self, provenance: Provenance, dimensions: int) -> int:
        """The row of a model, made where there is none; within a transaction."""
        key = (provenance.model, provenance.revision)
        self.db.execute(
            "INSERT OR IGNORE INTO models (spec, revision, dimensions) VALUES (?, ?, ?)",
            (*key, dimensions),
        )
        row = self.db.execute("SELECT id FROM models WHERE spec = ? AND revision = ?", key)
        return int(row.fetchone()[0])

    def models(self) -> list[ModelRow]:
        rows = self.db.execute("SELECT id, spec, revision, dimensions FROM models ORDER BY id")
        return [ModelRow(*row) for row in rows]

    def current_model(self) -> ModelRow | None:
        """The model that indexed the library last, None before the first."""
        row = self.db.execute(
            "SELECT m.id, m.spec, m.revision, m.dimensions FROM models m"
            " JOIN meta ON meta.key = 'model' AND m.id = CAST(meta.value AS INTEGER)"
        ).fetchone()
        return ModelRow(*row) if row else None

    def set_current_model(self, model: int) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('model', ?)", (str(model),))

    def roots(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT path FROM roots ORDER BY path")]

    def add_root(self, path: str) -> None:
        """A folder below one that is a root already is no root; one above takes its place."""
        if not any(path == root or path.startswith(_below(root)[0]) for root in self.roots()):
            self.drop_roots(path)
            self.db.execute("INSERT INTO roots VALUES (?)", (path,))

    def drop_roots(self, path: str) -> None:
        """`path` and every root below it."""
        values = (path, *_below(path))
        self.db.execute("DELETE FROM roots WHERE path = ? OR (path >= ? AND path < ?)", values)


def _item(row: Sequence[Any]) -> Item:
    return replace(Item(*row), kind=Kind(row[1]), state=State(row[5]))


def _below(folder: str) -> tuple[str, str]:
    """Bounds of every path below `folder`: its separator, and the character that follows it."""
    start = folder if folder.endswith(os.sep) else folder + os.sep
    return start, start[:-1] + chr(ord(os.sep) + 1)


def _is_writable(path: Path) -> bool:
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return True


def _told(error: sqlite3.OperationalError, path: Path) -> SensoriumError:
    if "locked" in str(error):
        return Busy(f"the library {path.parent.name} is busy", "another program is writing to it")
    return SensoriumError(f"the library {path.parent.name} cannot be written", str(error))

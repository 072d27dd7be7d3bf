"""The tables of a library: SQLite holds the truth, one file per library.

items     one row a file: where it is, what it is, what its own metadata says
spans     what can be found of one content: a picture, a scene, a passage; by content, not by path,
          so that a rename or a copy costs nothing
vectors   where a model puts a span; several models side by side. `id` only grows: a FAISS snapshot
          holds the rows up to one id, a search scans the newer ones
embedded  contents of which a model has every span: a long video is written in parts
lines     what a span says, a row a line: passages, words that stand in a picture with their boxes
words     full text of the lines (same row ids); CJK cut into characters and bigrams
notes     what an annotator found in a content: a Result as JSON
felt      the emotions that notes name, a row a label, for searches
meta      what a library knows of itself: `model` is the row of the one that indexed it last
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sensorium.errors import InputError

VERSION = 2

_V1 = """
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,              -- image, video, audio, text
    size INTEGER NOT NULL,           -- bytes
    modified INTEGER NOT NULL,       -- nanoseconds, as stat gives it
    content BLOB,                    -- 16 bytes; NULL until it was read
    state TEXT NOT NULL,             -- ok, bad, listed (waits for a model of its kind), absent
    reason TEXT NOT NULL DEFAULT '', -- why it is bad
    note TEXT NOT NULL DEFAULT '',   -- a wrong suffix, a corrupt tail
    width INTEGER, height INTEGER,   -- pixels, upright
    duration REAL,                   -- seconds
    taken TEXT,                      -- ISO 8601, local time as the camera wrote it
    latitude REAL, longitude REAL,   -- degrees
    camera TEXT NOT NULL DEFAULT '',
    disk TEXT NOT NULL DEFAULT ''    -- st_dev of its folder: an unmounted disk's files are not gone
);
CREATE INDEX items_by_content ON items (content);
CREATE INDEX items_by_taken ON items (taken);
CREATE INDEX items_by_kind ON items (kind, state);

CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    content BLOB NOT NULL,
    number INTEGER NOT NULL,         -- its place in the content, from 0
    start REAL, stop REAL,           -- seconds; NULL for the whole
    at REAL                          -- second of the frame that was looked at
);
CREATE UNIQUE INDEX spans_once ON spans
    (content, number, ifnull(start, -1), ifnull(stop, -1), ifnull(at, -1));

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    spec TEXT NOT NULL, revision TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    UNIQUE (spec, revision)
);

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    span INTEGER NOT NULL REFERENCES spans (id) ON DELETE CASCADE,
    model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    value BLOB NOT NULL,             -- float16, unit length
    UNIQUE (span, model)
);
CREATE INDEX vectors_by_model ON vectors (model, id);

CREATE TABLE embedded (
    content BLOB NOT NULL,
    model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    PRIMARY KEY (content, model)
) WITHOUT ROWID;

CREATE TABLE lines (
    id INTEGER PRIMARY KEY,
    span INTEGER NOT NULL REFERENCES spans (id) ON DELETE CASCADE,
    source TEXT NOT NULL,            -- text, or the annotator's name
    text TEXT NOT NULL,
    left REAL, top REAL, right REAL, bottom REAL  -- pixels, where it stands in the picture
);
CREATE INDEX lines_by_span ON lines (span);

CREATE VIRTUAL TABLE words USING fts5 (tokens, tokenize = "unicode61");
CREATE TRIGGER lines_gone AFTER DELETE ON lines
    BEGIN DELETE FROM words WHERE rowid = old.id; END;

CREATE TABLE notes (
    content BLOB NOT NULL,
    span INTEGER NOT NULL,           -- the scene of a video; 0 for the whole content
    task TEXT NOT NULL,
    spec TEXT NOT NULL,
    result TEXT NOT NULL,            -- JSON; empty where the annotator failed
    reason TEXT NOT NULL DEFAULT '', -- why it failed
    PRIMARY KEY (content, span, task, spec)
);

CREATE TABLE roots (
    path TEXT PRIMARY KEY            -- folders that were indexed, so that a rerun needs no names
);

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_V2 = """
CREATE TABLE felt (
    content BLOB NOT NULL,
    span INTEGER NOT NULL,           -- as of its note
    label TEXT NOT NULL,
    PRIMARY KEY (content, span, label)
) WITHOUT ROWID;
CREATE INDEX felt_by_label ON felt (label);
"""

MIGRATIONS = (_V1, _V2)
BUSY = 60.0
"""Seconds that a writer waits for another to commit."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or make the library file at `path`, at this program's version.

    Raises InputError for a newer library or another program's file: it is left as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = _open(path, "")
    with _closed_on_error(db):
        found = _version(db, path)
        if _is_strange(db, found):
            raise InputError(f"{path} is no library", "it is another program's database")
        # The switch does not wait for a lock, and two processes may make one library together.
        _patiently(lambda: db.execute("PRAGMA journal_mode = WAL"))
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        if found < VERSION:
            _migrate(db)
    return db


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open a library whose folder cannot be written; what it says may not be the newest.

    SQLite wants to write a file beside a WAL database even to read it; where it cannot, the
    database is read as if nobody ever changed it.
    """
    for mode in ("mode=ro", "immutable=1"):
        db = _open(path, mode)
        with _closed_on_error(db):
            try:
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                db.close()
                continue
            found = _version(db, path)
            if found < VERSION:
                raise InputError(
                    f"{path} is of an older version",
                    why="its folder is read-only, so that it cannot be brought up to date",
                )
            return db
    raise InputError(f"{path} cannot be read", "neither for writing nor for reading alone")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    name = path.absolute().as_uri() + (f"?{mode}" if mode else "")
    return sqlite3.connect(
        name, timeout=BUSY, isolation_level=None, check_same_thread=False, uri=True
    )


@contextmanager
def _closed_on_error(db: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        db.close()
        raise


def _version(db: sqlite3.Connection, path: Path) -> int:
    try:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is no library", str(error), "it was left as it is") from error
    if found > VERSION:
        raise InputError(
            f"{path} was written by a newer sensorium",
            why=f"it is of version {found}, this program knows {VERSION}",
            hint="pip install --upgrade sensorium",
        )
    return found


def _is_strange(db: sqlite3.Connection, found: int) -> bool:
    """Tables but no version: somebody else's. Both are read at once, another may be migrating."""
    query = "SELECT count(*), (SELECT user_version FROM pragma_user_version) FROM sqlite_master"
    tables, version = db.execute(query).fetchone()
    return found == 0 and version == 0 and tables > 0


def _patiently(action: Callable[[], object]) -> None:
    until = time.monotonic() + BUSY
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _migrate(db: sqlite3.Connection) -> None:
    """Every step from the file's version on, in one transaction; another process may be first."""
    db.execute("BEGIN IMMEDIATE")
    try:
        found = db.execute("PRAGMA user_version").fetchone()[0]
        for number in range(found, VERSION):
            for statement in MIGRATIONS[number].split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise

"""The tables of a library: SQLite holds the truth, one file per library.

items    one row a file: where it is, what it is, what its own metadata says
spans    what can be found of one content: a picture, a scene, a passage; by content, not by path,
         so that a rename or a copy costs nothing
vectors  where a model puts a span; several models side by side. `id` only grows: a FAISS snapshot
         holds the rows up to one id, a search scans the newer ones
lines    what a span says, a row a line: passages, words that stand in a picture with their boxes
words    full text of the lines (same row ids); CJK cut into characters and bigrams
notes    what an annotator found in a content: a Result as JSON
"""

import sqlite3
from pathlib import Path

from sensorium.errors import InputError

VERSION = 1

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
    seen INTEGER NOT NULL            -- the walk that saw it last
);
CREATE INDEX items_by_content ON items (content);
CREATE INDEX items_by_taken ON items (taken);

CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    content BLOB NOT NULL,
    start REAL, stop REAL,           -- seconds; NULL for the whole
    at REAL                          -- second of the frame that was looked at
);
CREATE INDEX spans_by_content ON spans (content);

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

CREATE TABLE lines (
    id INTEGER PRIMARY KEY,
    span INTEGER NOT NULL REFERENCES spans (id) ON DELETE CASCADE,
    source TEXT NOT NULL,            -- text, or the annotator's name
    text TEXT NOT NULL,
    left REAL, top REAL, right REAL, bottom REAL  -- pixels, where it stands in the picture
);
CREATE INDEX lines_by_span ON lines (span);

CREATE VIRTUAL TABLE words USING fts5 (tokens, tokenize = "unicode61");

CREATE TABLE notes (
    content BLOB NOT NULL,
    task TEXT NOT NULL,
    spec TEXT NOT NULL,
    result TEXT NOT NULL,            -- JSON; empty where the annotator failed
    reason TEXT NOT NULL DEFAULT '', -- why it failed
    PRIMARY KEY (content, task, spec)
);

CREATE TABLE roots (
    path TEXT PRIMARY KEY            -- folders that were indexed, so that a rerun needs no names
);
"""

MIGRATIONS = (_V1,)


def connect(path: Path) -> sqlite3.Connection:
    """Open or make the library file at `path`, at this program's version.

    Raises InputError for a newer library: it is left as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    try:
        found = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is no library", str(error), "it was left as it is") from error
    if found > VERSION:
        raise InputError(
            f"{path} was written by a newer sensorium",
            why=f"it is of version {found}, this program knows {VERSION}",
            hint="pip install --upgrade sensorium",
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    if found < VERSION:
        _migrate(db)


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

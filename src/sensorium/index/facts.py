"""Facts: what every search of a library needs to know of the whole of it, kept between searches."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sensorium.index.candidates import Lookup
from sensorium.index.filter import Filter
from sensorium.index.store import Store
from sensorium.index.vectors import Ids, Space
from sensorium.media import Kind
from sensorium.roles import Floats

SAMPLE = 1_024
# CROSS JOIN keeps SQLite's planner from starting at the vectors, which are all rows of a model.
_PASSAGES = """
SELECT v.id FROM items CROSS JOIN spans s ON s.content = items.content
    CROSS JOIN vectors v ON v.span = s.id
WHERE items.kind = 'text' AND v.model = ?"""

Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Facts:
    """Read when they are first asked for, true of the library's state `stamp`."""

    store: Store
    space: Space
    stamp: Stamp

    @cached_property
    def counts(self) -> Counter[Kind]:
        """Files that can be found, of each kind."""
        return Lookup(self.store.db, Filter(), self.space.model).counts()

    @cached_property
    def passages(self) -> Ids:
        """Rows that are text; all others show something."""
        rows = self.store.db.execute(_PASSAGES, (self.space.model,)).fetchall()
        return Ids(np.array([row[0] for row in rows], np.int64))

    @cached_property
    def pictures_sample(self) -> Floats:
        """Up to `SAMPLE` vectors of pictures and scenes."""
        ids = self.space.all_ids()
        ids = np.setdiff1d(ids, self.passages.ids) if self.passages else ids
        if len(ids) > SAMPLE:
            ids = np.sort(np.random.default_rng(0).choice(ids, SAMPLE, replace=False))
        return self.space.values(ids)


def stamp_of(store: Store) -> Stamp:
    """Numbers that change when anybody writes to the library.

    SQLite's own counter, `PRAGMA data_version`, is a connection's; threads could not share by it.
    """
    rows = store.db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'vectors'").fetchone()
    wal = store.path.with_name(store.path.name + "-wal")
    return (rows[0] if rows else 0, *_mark(store.path), *_mark(wal))


def _mark(path: Path) -> Stamp:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)

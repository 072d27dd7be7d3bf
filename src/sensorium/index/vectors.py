"""Space: the vectors of one model in a library, searched by cosine.

The truth is SQLite's table `vectors`, whose ids only grow. A *snapshot* holds the rows up to one id
as a FAISS index of half-precision codes (Johnson, Douze and Jégou 2017) in a file that is never
changed, memory-mapped, and replaced by a newer one through a rename: delete it and nothing is lost.
Rows newer than the snapshot are kept in memory in the same form. Both are scanned whole, so a
search is exact, unless it may use the `cells` of a large library. Rows that are gone from SQLite
are still found here; who asks must look them up.
"""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from sensorium.errors import SensoriumError
from sensorium.index.cells import DEEPEST, Divided, Stopped
from sensorium.index.files import clear_left, replacing, unlink
from sensorium.index.store import Store
from sensorium.roles import Floats

Numbers = NDArray[np.int64]

NEWER = 5_000
"""Rows that may be newer than the snapshot, or gone from it, before a new one pays;"""
SHARE = 0.05  # or this part of all, where that is more
_CHUNK = 20_000
_NAME = re.compile(r"vectors-(\d+)-(\d+)\.faiss")


class Ids:
    """A set of vector ids, a bit each, as a scan can ask it quickly."""

    def __init__(self, ids: Numbers) -> None:
        self.ids = np.unique(ids)
        held = np.zeros(int(self.ids[-1]) + 1 if len(ids) else 1, bool)
        held[self.ids] = True
        self._bits = np.packbits(held, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self._bits)  # type: ignore[call-arg, arg-type]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class _Part:
    """Rows that never change. ids: ascending, one a row of `codes`; index: `codes` by id."""

    ids: Numbers
    index: faiss.IndexIDMap
    codes: faiss.IndexScalarQuantizer

    @classmethod
    def of(cls, chunks: Iterable[tuple[Numbers, Floats]], dimensions: int) -> "_Part | None":
        """From (ids, vectors (n, d)) in the order of ids; None where there are none."""
        codes = faiss.IndexScalarQuantizer(
            dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        index = faiss.IndexIDMap(codes)
        for ids, values in chunks:
            index.add_with_ids(values, ids)
        return cls(_ids_of(index), index, codes) if index.ntotal else None

    def search(
        self, query: Floats, k: int, selector: faiss.IDSelector | None
    ) -> tuple[Numbers, Floats]:
        scores, ids = self.find(query[None, :], min(k, len(self.ids)), selector)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

    def find(
        self, queries: Floats, k: int, selector: faiss.IDSelector | None
    ) -> tuple[Floats, Numbers]:
        """Scores and ids (n, k) of queries (n, d), as FAISS gives them."""
        chosen = None
        if selector is not None:
            chosen = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, ids = self.index.search(queries, k, params=chosen)
        return scores, ids

    @property
    def last(self) -> int:
        return int(self.ids[-1])

    def values(self, places: Numbers) -> Floats:
        found: Floats = self.codes.reconstruct_batch(places)
        return found

    def values_of(self, ids: Numbers) -> Floats:
        """ids: some of its own."""
        return self.values(np.searchsorted(self.ids, ids))

    def chunk(self) -> tuple[Numbers, Floats]:
        return self.ids, self.values(np.arange(len(self.ids)))


@dataclass(frozen=True)
class _Rows:
    """All rows up to an id: those of the snapshot, where there is one, and newer ones."""

    snapshot: _Part | None
    newer: _Part | None

    @property
    def parts(self) -> tuple[_Part, ...]:
        return tuple(part for part in (self.snapshot, self.newer) if part is not None)

    @property
    def last(self) -> int:
        return self.parts[-1].last if self.parts else 0


class Space:
    """Safe to use from several threads."""

    def __init__(self, store: Store, model: int, dimensions: int) -> None:
        """model: its row in the library."""
        self._store = store
        self.model = model
        self._dimensions = dimensions
        self._lock = threading.Lock()
        self._rows: _Rows | None = None
        self._divided = Divided(store, model, dimensions)
        self._asked = 0
        self._builder: threading.Thread | None = None

    def __len__(self) -> int:
        """Rows, those that are gone but still held among them."""
        return sum(len(part.ids) for part in self.refreshed().parts)

    def search(
        self,
        query: Floats,
        k: int,
        only: Ids | None = None,
        without: Ids | None = None,
        by_cells: bool = False,
    ) -> tuple[Numbers, Floats]:
        """Vector ids and cosines of the `k` rows nearest to `query` (d,), best first.

        only, without: ids that alone are looked at, ids that are passed by. by_cells: `query` is a
        sentence and `without` has the passages, so that cells may serve where there are any.
        """
        selector = _selector(only, without)
        rows = self.refreshed()
        found = self._by_cells(rows, query, k, selector) if by_cells and only is None else None
        if found is None:
            found = [part.search(query, k, selector) for part in rows.parts]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        ids = np.concatenate([ids for ids, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        best = np.lexsort((ids, -scores))[:k]
        return ids[best], scores[best]

    def _by_cells(
        self, rows: _Rows, query: Floats, k: int, selector: faiss.IDSelector | None
    ) -> list[tuple[Numbers, Floats]] | None:
        """None where there are no cells, or those that were scanned hold too few."""
        divided, snapshot = self._divided.cells, rows.snapshot
        if divided is None or snapshot is None or snapshot.last < divided.last or k > DEEPEST:
            return None
        found = [divided.search(query, k, selector)]
        if len(found[0][0]) < k:
            return None
        if snapshot.last > divided.last:
            later = faiss.IDSelectorRange(divided.last + 1, snapshot.last + 1)
            both = faiss.IDSelectorAnd(later, selector) if selector else later
            found.append(snapshot.search(query, k, both))
        if rows.newer is not None:
            found.append(rows.newer.search(query, k, selector))
        return found

    def values(self, ids: Numbers) -> Floats:
        """Vectors (n, d) of ids that a search gave, in their order."""
        values = np.zeros((len(ids), self._dimensions), np.float32)
        for part in self.refreshed().parts:
            places = np.searchsorted(part.ids, ids).clip(max=len(part.ids) - 1)
            held = part.ids[places] == ids
            if held.any():
                values[held] = part.values(places[held])
        return values

    def all_ids(self) -> Numbers:
        """Every id held, ascending."""
        parts = [part.ids for part in self.refreshed().parts]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def refreshed(self) -> _Rows:
        """The rows as they are now; a snapshot that has fallen behind is renewed meanwhile."""
        with self._lock:
            if self._rows is None:
                snapshot = self._newest()
                self._rows = _Rows(snapshot, None)
                self._divided.open()
            newer = self._read(self._rows.last)
            if newer is not None:
                self._rows = self._with(self._rows, newer)
            rows = self._rows
            if rows.newer is not None and _is_due(len(rows.newer.ids), rows) and not self._builder:
                self._start(self._renew)
        return rows

    def _with(self, rows: _Rows, newer: _Part) -> _Rows:
        if rows.newer is not None:
            both = _Part.of([rows.newer.chunk(), newer.chunk()], self._dimensions)
            assert both is not None
            newer = both
        if rows.snapshot is None and _is_due(len(newer.ids), rows):
            return _Rows(self._saved(newer), None)  # all was read: it is the snapshot
        return _Rows(rows.snapshot, newer)

    # the file

    def renew(self) -> None:
        """Write a new snapshot if enough rows are newer than the present one or gone from it."""
        rows = self.refreshed()
        newer = len(rows.newer.ids) if rows.newer is not None else 0
        gone = len(self) - self._count(rows.last)
        if _is_due(newer, rows) or _is_due(gone, rows):
            self._renew()

    def close(self) -> None:
        """Wait for a snapshot that is being written, else short runs would never finish one; cells
        that are being made are given up."""
        builder = self._builder
        if builder is not None:
            self._divided.stop.set()
            builder.join()
            self._divided.stop.clear()

    def _start(self, action: Callable[[], None]) -> None:
        self._builder = threading.Thread(target=self._meanwhile, args=(action,), daemon=True)
        self._builder.start()

    def _meanwhile(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Stopped:
            pass
        except (SensoriumError, sqlite3.Error, OSError, RuntimeError, MemoryError):
            return  # what is in memory serves as well; this space does not try again
        self._builder = None

    def _renew(self) -> None:
        whole = self._read(0)
        if whole is None:
            return
        snapshot = self._saved(whole)
        with self._lock:
            self._rows = _Rows(snapshot, None)  # rows written meanwhile are read at the next use

    def _count(self, last: int) -> int:
        sql = "SELECT count(*) FROM vectors WHERE model = ? AND id <= ?"
        return int(self._store.db.execute(sql, (self.model, last)).fetchone()[0])

    def _read(self, after: int) -> _Part | None:
        """Rows with a higher id; None where there are none."""
        return _Part.of(self._chunks(after), self._dimensions)

    def _chunks(self, after: int) -> Iterator[tuple[Numbers, Floats]]:
        sql = "SELECT id, value FROM vectors WHERE model = ? AND id > ? ORDER BY id LIMIT ?"
        while rows := self._store.db.execute(sql, (self.model, after, _CHUNK)).fetchall():
            ids, blobs = zip(*rows, strict=True)
            values = np.frombuffer(b"".join(blobs), "<f2").reshape(len(rows), self._dimensions)
            yield np.array(ids, np.int64), values.astype(np.float32)
            after = ids[-1]

    def _files(self) -> list[tuple[int, Path]]:
        """(last id, path) of this model's snapshots, the newest first."""
        found = []
        for path in self._store.path.parent.glob(f"vectors-{self.model}-*.faiss"):
            name = _NAME.fullmatch(path.name)
            if name:
                found.append((int(name[2]), path))
        return sorted(found, reverse=True)

    def _newest(self) -> _Part | None:
        for last, path in self._files():
            part = _opened(path, self._dimensions)
            if part is not None and part.last == last and self._agrees(part):
                return part
        return None

    def _agrees(self, part: _Part) -> bool:
        """Whether some of its rows are SQLite's: a snapshot may stand beside another library."""
        places = np.unique(np.linspace(0, len(part.ids) - 1, 16).astype(np.int64))
        values = part.values(places).astype(np.float16)
        sql = "SELECT value FROM vectors WHERE id = ? AND model = ?"
        seen = False
        for place, value in zip(places, values, strict=True):
            row = self._store.db.execute(sql, (int(part.ids[place]), self.model)).fetchone()
            if row is not None and row[0] != value.astype("<f2").tobytes():
                return False
            seen = seen or row is not None
        return seen

    def _saved(self, part: _Part) -> _Part:
        """`part` as a file: mapped from it, or as it is where it cannot be written."""
        folder = self._store.path.parent
        path = folder / f"vectors-{self.model}-{part.last}.faiss"
        if not self._store.writable:
            return part
        try:
            with replacing(path, self._store.path) as name:
                faiss.write_index(part.index, name)
        except (OSError, RuntimeError):  # FAISS tells of a full disk with a RuntimeError
            return part
        for last, old in self._files():
            if last < part.last:
                unlink(old)
        clear_left(folder, ".vectors-*")
        return _opened(path, self._dimensions) or part

    # cells

    def divide_meanwhile(self, sentences: Callable[[], Floats], passages: Ids) -> None:
        """Make cells of all rows but `passages` where they are due, from the second call on: a
        process that searches once ends before they are made.

        sentences: what they are measured with, (m, d), such as people search by.
        """
        with self._lock:
            snapshot = self._rows.snapshot if self._rows else None
            if snapshot is None or self._builder or not self._store.writable:
                return
            if not self._divided.is_due(len(snapshot.ids) - len(passages)):
                return
            self._asked += 1
            if self._asked > 1:
                self._start(partial(self._divide, snapshot, sentences, passages))

    def _divide(self, snapshot: _Part, sentences: Callable[[], Floats], passages: Ids) -> None:
        ids = np.setdiff1d(snapshot.ids, passages.ids)
        exact = partial(snapshot.find, selector=_selector(None, passages))
        self._divided.make(ids, snapshot.values_of, exact, sentences())


def _selector(only: Ids | None, without: Ids | None) -> faiss.IDSelector | None:
    rest = faiss.IDSelectorNot(without.selector) if without else None
    if only is None:
        return rest
    return faiss.IDSelectorAnd(only.selector, rest) if rest else only.selector


def _is_due(changed: int, rows: _Rows) -> bool:
    total = sum(len(part.ids) for part in rows.parts)
    return changed > max(NEWER, SHARE * total)


def _opened(path: Path, dimensions: int) -> _Part | None:
    """The snapshot in `path`, its codes mapped; None where the file is not a whole one."""
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, OSError):
        return None
    if not isinstance(index, faiss.IndexIDMap) or index.d != dimensions:
        return None
    ids, codes = _ids_of(index), faiss.downcast_index(index.index)
    whole = len(ids) == index.ntotal > 0 and bool((np.diff(ids) > 0).all())
    if not whole or not isinstance(codes, faiss.IndexScalarQuantizer):
        return None
    return _Part(ids, index, codes)


def _ids_of(index: faiss.IndexIDMap) -> Numbers:
    return faiss.vector_to_array(index.id_map).astype(np.int64)

"""Cells: a large library's pictures divided by where they lie, so that a search scans a few parts.

An inverted file (Sivic and Zisserman 2003) over k-means cells, with the same half-precision codes
as the snapshot: what is found has the same cosine, but a neighbour in a cell that was not scanned
is missed. Sentences lie apart from all pictures (the modality gap), so how many cells are enough is
measured with sentences: with pictures a quarter as many would seem enough. Cells are used only
where they were measured to find `RECALL` of the ten nearest and to be `FASTER`.

The files are derived, like the snapshot: `cells-<model>-<row>.faiss`, and `cells-<model>.json` that
names it and says what was measured, also where cells are not worth it. The latter is written last.
"""

import json
import math
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from sensorium.index.files import clear_left, replacing, unlink
from sensorium.index.store import Store
from sensorium.results import write_whole
from sensorium.roles import Floats

Numbers = NDArray[np.int64]
Find = Callable[[Floats, int], tuple[Floats, Numbers]]
"""Queries (n, d), how many → scores and ids (n, k), as FAISS gives them."""

LEAST = 200_000
"""Pictures below which a scan of all takes as long as looking up what was found;"""
GROWTH = 1.2  # how much a library grows before its cells are made again
DEEPEST = 100
"""Rows that a search may ask of cells: it was measured on the ten nearest, not on hundreds."""
RECALL = 0.99
FASTER = 2.0
NEAREST = 10
SENTENCES = 256  # as many are measured with, where there are more
_ROUNDS = 10
_PER_CELL = 64  # vectors that place one centre; more move it little
_CHUNK = 10_000
_TIMED = 21


class Stopped(Exception):
    """Nobody waits for cells when a library is closed."""


@dataclass(frozen=True)
class Measured:
    """What cells were measured to be worth. last: the newest row within. size: bytes of the file.
    probed: cells of `cells` that a search scans, 0 where none are used; recall: part of the ten
    nearest that these find, over so many sentences; exact, divided: milliseconds of one search."""

    last: int
    rows: int
    cells: int
    probed: int
    recall: float
    exact: float
    divided: float
    sentences: int
    size: int = 0

    def save(self, path: Path) -> None:
        write_whole(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Measured | None":
        """None where nothing was measured, or another version did."""
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Cells:
    """last: rows with a higher id are not within."""

    index: faiss.IndexIVFScalarQuantizer
    last: int
    probed: int

    def search(
        self, query: Floats, k: int, selector: faiss.IDSelector | None
    ) -> tuple[Numbers, Floats]:
        """Fewer than `k` where the cells that were scanned hold no more."""
        scores, ids = _found(self.index, query[None, :], k, self.probed, selector)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

    def agree(self, db: sqlite3.Connection) -> bool:
        """Whether some of the rows are SQLite's: the file may stand beside another library."""
        lists, seen = self.index.invlists, False
        assert lists is not None
        for number in np.linspace(0, self.index.nlist - 1, 16).astype(int).tolist():
            if not lists.list_size(number):
                continue
            id = int(faiss.rev_swig_ptr(lists.get_ids(number), 1)[0])
            value = faiss.rev_swig_ptr(lists.get_codes(number), self.index.code_size).tobytes()
            row = db.execute("SELECT value FROM vectors WHERE id = ?", (id,)).fetchone()
            if row is not None and row[0] != value:
                return False
            seen = seen or row is not None
        return seen


class Divided:
    """The cells of one model's rows in a library, on disk and in use."""

    def __init__(self, store: Store, model: int, dimensions: int) -> None:
        self._store = store
        self._name = f"cells-{model}"
        self._dimensions = dimensions
        self._measured: Measured | None = None
        self.cells: Cells | None = None
        self.stop = threading.Event()

    def is_due(self, rows: int) -> bool:
        """Whether so many pictures are to be divided, again or for the first time."""
        return rows >= LEAST and (self._measured is None or rows > GROWTH * self._measured.rows)

    def open(self) -> None:
        """Take what is on disk. Files that do not belong together, or are not this library's, are
        as if there were none: they are made again."""
        measured = Measured.read(self._beside("json"))
        found = self._opened(measured) if measured else None
        if measured and measured.probed and not found:
            measured = None
        self._measured, self.cells = measured, found

    def make(
        self, ids: Numbers, values: Callable[[Numbers], Floats], exact: Find, sentences: Floats
    ) -> None:
        """Divide the rows `ids`, measure what that is worth, and keep the cells if it is enough.

        values: vectors (n, d) of ids. sentences: (m, d). Raises Stopped, OSError, RuntimeError.
        """
        index = divide(ids, values, self.stop)
        measured = measure(index, int(ids[-1]), exact, sentences, self.stop)
        path = self._beside(f"{measured.last}.faiss")
        if measured.probed:
            with replacing(path, self._store.path) as name:
                faiss.write_index(index, name)
            measured = replace(measured, size=path.stat().st_size)
        measured.save(self._beside("json"))
        self.open()
        for old in path.parent.glob(f"{self._name}-*.faiss"):
            if old != path or not measured.probed:
                unlink(old)
        clear_left(path.parent, f".{self._name}*")

    def _beside(self, end: str) -> Path:
        joint = "." if end == "json" else "-"
        return self._store.path.with_name(f"{self._name}{joint}{end}")

    def _opened(self, measured: Measured) -> Cells | None:
        """Mapped; None where the file is not the one that was measured."""
        path = self._beside(f"{measured.last}.faiss")
        try:
            if not measured.probed or path.stat().st_size != measured.size:
                return None
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, OSError):
            return None
        if not isinstance(index, faiss.IndexIVFScalarQuantizer) or index.d != self._dimensions:
            return None
        if (index.ntotal, index.nlist) != (measured.rows, measured.cells):
            return None
        found = Cells(index, measured.last, measured.probed)
        return found if found.agree(self._store.db) else None


def divide(
    ids: Numbers, values: Callable[[Numbers], Floats], stop: threading.Event
) -> faiss.IndexIVFScalarQuantizer:
    """Cells of the rows `ids`; values: vectors (n, d) of ids. The same rows give the same cells."""
    count = round(4 * math.sqrt(len(ids)))
    random = np.random.default_rng(0)
    size = min(len(ids), _PER_CELL * count)
    sample = values(np.sort(random.choice(ids, size, replace=False)))
    centres = faiss.IndexFlatIP(sample.shape[1])
    centres.add(_centres(sample, count, random, stop))
    index = faiss.IndexIVFScalarQuantizer(
        centres,
        sample.shape[1],
        count,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # codes of the vectors as they are, not of what they differ from the centre by
    )
    index.train(sample[:count])  # learns nothing: it has its centres
    for start in range(0, len(ids), _CHUNK):
        _check(stop)
        some = ids[start : start + _CHUNK]
        index.add_with_ids(values(some), some)
    return index


def _centres(
    sample: Floats, count: int, random: np.random.Generator, stop: threading.Event
) -> Floats:
    """Spherical k-means (Dhillon and Modha 2001), in steps that can be stopped between."""
    centres: Floats = sample[random.choice(len(sample), count, replace=False)]
    for _ in range(_ROUNDS):
        flat = faiss.IndexFlatIP(sample.shape[1])
        flat.add(centres)
        sums = np.zeros_like(centres)
        for start in range(0, len(sample), _CHUNK):
            _check(stop)
            some = sample[start : start + _CHUNK]
            nearest = flat.search(some, 1)[1][:, 0]
            order = np.argsort(nearest, kind="stable")
            held, starts = np.unique(nearest[order], return_index=True)
            sums[held] += np.add.reduceat(some[order], starts, axis=0)
        empty = np.flatnonzero(np.linalg.norm(sums, axis=1) < 1e-6)
        sums[empty] = sample[random.choice(len(sample), len(empty), replace=False)]
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres


def measure(
    index: faiss.IndexIVFScalarQuantizer,
    last: int,
    exact: Find,
    queries: Floats,
    stop: threading.Event,
) -> Measured:
    """The fewest cells, in powers of two below a quarter of all, that find enough of what `exact`
    finds for `queries` (n, d), and whether that is fast enough."""
    places = np.linspace(0, len(queries) - 1, min(len(queries), SENTENCES)).astype(np.int64)
    queries = np.ascontiguousarray(queries[np.unique(places)])
    tenth = np.empty((len(queries), 1), np.float32)
    for place in range(len(queries)):
        _check(stop)
        tenth[place] = exact(queries[place : place + 1], NEAREST)[0][0, -1]
    probed, recall = 1, 0.0
    while probed < index.nlist / 4:
        _check(stop)
        scores, _ = _found(index, queries, NEAREST, probed)
        recall = float((scores >= tenth - 1e-6).mean())  # by cosine: equal ones are as good
        if recall >= RECALL:
            break
        probed *= 2
    slow, quick = _times(index, probed, exact, queries, stop)
    good = recall >= RECALL and slow >= FASTER * quick
    return Measured(
        last=last,
        rows=index.ntotal,
        cells=index.nlist,
        probed=probed if good else 0,
        recall=recall,
        exact=slow,
        divided=quick,
        sentences=len(queries),
    )


def _times(
    index: faiss.IndexIVFScalarQuantizer,
    probed: int,
    exact: Find,
    queries: Floats,
    stop: threading.Event,
) -> tuple[float, float]:
    """Median milliseconds of a search, exact and by cells, in turns: a busy machine slows both."""
    slow, quick = list[float](), list[float]()
    for place in range(_TIMED):
        _check(stop)
        query = queries[place % len(queries)][None, :]
        started = time.perf_counter()
        exact(query, DEEPEST)
        between = time.perf_counter()
        _found(index, query, DEEPEST, probed)
        slow.append(1000 * (between - started))
        quick.append(1000 * (time.perf_counter() - between))
    return statistics.median(slow), statistics.median(quick)


def _found(
    index: faiss.IndexIVFScalarQuantizer,
    queries: Floats,
    k: int,
    probed: int,
    selector: faiss.IDSelector | None = None,
) -> tuple[Floats, Numbers]:
    how = faiss.SearchParametersIVF(nprobe=probed, sel=selector)  # type: ignore[call-arg]
    scores, ids = index.search(queries, k, params=how)
    return scores, ids


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped

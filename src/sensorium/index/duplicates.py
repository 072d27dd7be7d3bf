"""Duplicates: files of a library that show the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensorium.groups import Groups
from sensorium.index.candidates import Lookup
from sensorium.index.filter import Filter
from sensorium.index.ranking import SAME
from sensorium.index.store import Store
from sensorium.index.vectors import Numbers, Space
from sensorium.media import Kind
from sensorium.roles import Floats

_BLOCK = 2_048  # rows compared at once: 16 MB of cosines

_CONTENTS = "SELECT content, path FROM items WHERE state = 'ok' AND content IS NOT NULL ORDER BY id"
_OF_VECTORS = (
    "SELECT v.id, s.content FROM vectors v JOIN spans s ON s.id = v.span WHERE v.model = ?"
)


def duplicates(
    store: Store, space: Space | None, threshold: float = SAME
) -> Iterator[tuple[Path, ...]]:
    """Groups of two and more files, each in the order they were indexed in: files of one content,
    and pictures whose cosine in `space` is `threshold` or more, directly or through others of the
    group.

    All pictures are compared with all: some seconds for 20,000, minutes for 100,000.
    """
    groups = Groups[bytes]()
    paths: dict[bytes, list[Path]] = {}
    for content, path in store.db.execute(_CONTENTS):
        paths.setdefault(content, []).append(Path(path))
    for one, other in _alike(store, space, threshold) if space is not None else ():
        groups.join(one, other)
    together: dict[bytes, list[Path]] = {}
    for content, files in paths.items():
        together.setdefault(groups.first(content), []).extend(files)
    return (tuple(files) for files in together.values() if len(files) > 1)


def _alike(store: Store, space: Space, threshold: float) -> Iterator[tuple[bytes, bytes]]:
    ids = np.unique(Lookup(store.db, Filter(kinds=(Kind.IMAGE,)), space.model).allowed())
    contents = dict(store.db.execute(_OF_VECTORS, (space.model,)).fetchall())
    for one, other in _pairs(space.values(ids), threshold):
        yield contents[int(ids[one])], contents[int(ids[other])]


def _pairs(values: Floats, threshold: float) -> Iterator[tuple[int, int]]:
    """Places (i, j), i < j, of rows (n, d) whose cosine is at least `threshold`."""
    for start in range(0, len(values), _BLOCK):
        for other in range(start, len(values), _BLOCK):
            cosines = values[start : start + _BLOCK] @ values[other : other + _BLOCK].T
            found: Numbers = np.argwhere(cosines >= threshold)
            for i, j in found.tolist():
                if start + i < other + j:
                    yield start + i, other + j

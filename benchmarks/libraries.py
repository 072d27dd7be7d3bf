"""Makes a library of made-up photographs with made-up vectors, as `index` would have written it.

    python benchmarks/libraries.py NAME COUNT --home FOLDER --model SPEC

The vectors are random directions of as many dimensions as the model's; nothing is decoded, no file
is there. A library that has more than COUNT already is left as it is.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.index import Index
from sensorium.models import open as open_model
from sensorium.roles import DualTower

AT_ONCE = 10_000
ITEM = """INSERT INTO items (path, kind, size, modified, content, state, width, height, taken)
VALUES (?, 'image', 3000000, 0, ?, 'ok', 4000, 3000, '2024-05-01T12:00:00')"""
SPAN = "INSERT INTO spans (id, content, number) VALUES (?, ?, 0)"
VECTOR = "INSERT INTO vectors (id, span, model, value) VALUES (?, ?, ?, ?)"
EMBEDDED = "INSERT INTO embedded (content, model) VALUES (?, ?)"


def fill(index: Index, model: DualTower, count: int, seed: int = 0) -> None:
    """Bring `index` to `count` photographs."""
    with index.store.transaction():
        row = index.store.model(model.provenance, model.dimensions)
        index.store.set_current_model(row)
    for numbers, values in _vectors(len(index), count, model.dimensions, seed):
        with index.store.transaction() as db:
            _write(db, row, numbers, values)


def _vectors(
    start: int, stop: int, dimensions: int, seed: int
) -> Iterator[tuple[range, NDArray[np.float16]]]:
    for first in range(start, stop, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, stop))
        random = np.random.default_rng((seed, first))
        rows = random.standard_normal((len(numbers), dimensions), np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield numbers, rows.astype(np.float16)


def _write(db: sqlite3.Connection, model: int, numbers: range, values: NDArray[np.float16]) -> None:
    contents = [blake2b(b"%d" % number, digest_size=16).digest() for number in numbers]
    paths = [f"/photographs/{number // 1000:04}/photo-{number:07}.jpg" for number in numbers]
    ids = [number + 1 for number in numbers]
    blobs = [row.tobytes() for row in values]
    db.executemany(ITEM, zip(paths, contents, strict=True))
    db.executemany(SPAN, zip(ids, contents, strict=True))
    db.executemany(VECTOR, zip(ids, ids, [model] * len(ids), blobs, strict=True))
    db.executemany(EMBEDDED, ((content, model) for content in contents))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name")
    options.add_argument("count", type=int)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--model", help="a spec; the built-in model by default")
    arguments = options.parse_args()
    with Index(arguments.name, home=arguments.home) as index:
        fill(index, open_model(arguments.model, DualTower), arguments.count)
        print(f"{index.folder}: {len(index)} photographs")


if __name__ == "__main__":
    main()

"""What a search of a large library costs beside FAISS alone, on made-up vectors.

    python benchmarks/vectors.py --sizes 100000,500000 --dimensions 384 --json

Search times leave the model out (its query is a random direction) and are warm medians, but for
`cold`, the first search after opening, and `building`, the first one ever, which writes the file.
FAISS alone is the same snapshot, scanned for as many rows as the search asks it for.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from libraries import fill
from sensorium.index import Index, Query
from sensorium.index.filter import Filter
from sensorium.results import Provenance
from sensorium.roles import Floats, Pixels

K = 10
ROWS = 4 * K + 50  # as `ranking.nearest` asks


class Directions:
    """A dual tower that costs nothing: a text is a random direction of its own."""

    provenance = Provenance("directions", "1")
    image_size = 32
    logit_scale = 100.0
    logit_bias = 0.0

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def prepare_image(self, picture: Pixels) -> Floats:
        return picture.transpose(2, 0, 1).astype(np.float32)

    def encode_images(self, tensors: Floats) -> Floats:
        return np.stack([self._direction(int(one.sum())) for one in tensors])

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        return np.stack([self._direction(int(one.sum())) for one in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        return np.stack([self._direction(int.from_bytes(one.encode()[-7:])) for one in texts])

    def _direction(self, seed: int) -> Floats:
        row = np.random.default_rng(seed).standard_normal(self.dimensions, np.float32)
        return row / np.linalg.norm(row)


@dataclass(frozen=True)
class Times:
    """Milliseconds; share: FAISS's part of a search. filtered: half of the library passes."""

    items: int
    building: float
    cold: float
    search: float
    filtered: float
    faiss: float

    @property
    def share(self) -> float:
        return self.faiss / self.search


def measure(folder: Path, items: int, dimensions: int, repeats: int) -> Times:
    tower: Any = Directions(dimensions)
    name = f"made-up-{items}"
    with Index(name, home=folder) as index:
        fill(index, tower, items)
        building = timed(lambda: index.search(Query.of("first"), k=K, model=tower))
    with Index(name, home=folder) as index:
        cold = timed(lambda: index.search(Query.of("cold"), k=K, model=tower))
        (snapshot,) = index.folder.glob("vectors-*.faiss")
        alone = faiss.read_index(str(snapshot), faiss.IO_FLAG_MMAP_IFC)
        half = Filter(since=date(2024, 1, 1), path="*[0-4].jpg")
        ours, bare, filtered = list[float](), list[float](), list[float]()
        for number in range(repeats):  # in turns, so that a busy machine slows all alike
            query = Query.of(f"query {number}")
            vector = tower.embed_texts([query.words])
            bare.append(timed(lambda v=vector: alone.search(v, ROWS)))
            ours.append(timed(lambda q=query: index.search(q, k=K, model=tower)))
        for number in range(max(3, repeats // 10)):
            query = Query.of(f"query {number}")
            filtered.append(timed(lambda q=query: index.search(q, k=K, chosen=half, model=tower)))
    middle = statistics.median
    return Times(items, building, cold, middle(ours), middle(filtered), middle(bare))


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10000,100000,500000")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--home", type=Path, help="keep the libraries here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.home or Path(temporary)
        rows = [
            measure(folder, int(size), options.dimensions, options.repeats)
            for size in options.sizes.split(",")
        ]
    if options.json:
        print(json.dumps([asdict(row) | {"share": row.share} for row in rows], indent=1))
        return
    names = ("items", "building", "cold", "search", "faiss", "share", "half")
    print("".join(f"{name:>10}" for name in names))
    for row in rows:
        times = (row.building, row.cold, row.search, row.faiss, row.share, row.filtered)
        print(f"{row.items:>10,}" + "".join(f"{one:>10.2f}" for one in times))


if __name__ == "__main__":
    main()

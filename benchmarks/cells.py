"""What cells are worth in a large library: time, recall with sentences, and what they cost to make.

    python benchmarks/cells.py --sizes 200000,500000 --json
    python benchmarks/cells.py --pictures pictures.npy --sentences sentences.npy

The files hold a model's vectors, float (n, d) of unit length. They are grown to each size by
pictures that lie among them: one of them, moved by the difference of two of its fifty nearest.
Without files the vectors are made up: pictures of subjects of unequal size in a space whose
dimensions matter unequally, sentences about the same subjects apart from all pictures. Every other
sentence chooses how many cells are scanned; `others` is what that finds for the rest. Times are
medians of single searches, exact and by cells in turns, without what a search does beside.
"""

import argparse
import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np

from sensorium.index import cells
from sensorium.index.vectors import Numbers
from sensorium.roles import Floats

CHUNK = 20_000
NEAR = 50
SUBJECTS = 4_000
MOVED = 0.7


@dataclass(frozen=True)
class Row:
    """making: seconds, in which the cells are made and measured. others: recall at 10 for
    sentences that had no part in it, with as many cells."""

    making: float
    others: float
    measured: cells.Measured


def measure(pictures: np.ndarray, sentences: Floats) -> Row:
    ids: Numbers = np.arange(1, len(pictures) + 1, dtype=np.int64)
    whole = faiss.IndexScalarQuantizer(
        pictures.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    for start in range(0, len(pictures), CHUNK):
        whole.add(pictures[start : start + CHUNK].astype(np.float32))
    stop = threading.Event()
    started = time.perf_counter()
    index = cells.divide(ids, lambda some: pictures[some - 1].astype(np.float32), stop)
    measured = cells.measure(index, len(ids), whole.search, sentences[::2], stop)
    making = time.perf_counter() - started
    others = np.ascontiguousarray(sentences[1::2][: cells.SENTENCES])
    tenth = whole.search(others, cells.NEAREST)[0][:, -1:]
    index.nprobe = measured.probed or index.nlist // 4
    found, _ = index.search(others, cells.NEAREST)
    return Row(making, float((found >= tenth - 1e-6).mean()), measured)


def grown(pictures: Floats, size: int) -> np.ndarray:
    """float16 (size, d)."""
    random = np.random.default_rng(0)
    index = faiss.IndexFlatIP(pictures.shape[1])
    index.add(pictures)
    near = index.search(pictures, NEAR + 1)[1][:, 1:]
    made = np.empty((size, pictures.shape[1]), np.float16)
    made[: len(pictures)] = pictures[:size]
    for start in range(len(pictures), size, CHUNK):
        count = min(CHUNK, size - start)
        base = random.integers(len(pictures), size=count)
        one, other = near[base, random.integers(NEAR, size=(2, count))]
        made[start : start + count] = unit(
            pictures[base] + MOVED * (pictures[one] - pictures[other])
        )
    return made


def made_up(dimensions: int) -> tuple[Floats, Floats]:
    """16,000 pictures and 512 sentences."""
    random = np.random.default_rng(0)
    matter = 1 / np.sqrt(1 + np.arange(dimensions) / 20)
    subjects = unit(random.normal(size=(SUBJECTS, dimensions)) * matter)
    apart = 0.3 * unit(random.normal(size=(2, dimensions)))
    shares = 1 / (20 + np.arange(SUBJECTS))

    def about(count: int, side: int, own: float) -> Floats:
        chosen = random.choice(SUBJECTS, count, p=shares / shares.sum())
        rest = unit(random.normal(size=(count, dimensions)) * matter)
        return unit(subjects[chosen] + apart[side] + own * rest)

    return about(16_000, 0, 1.0), about(512, 1, 1.5)


def unit(rows: np.ndarray) -> Floats:
    scaled: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="200000,500000")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--sentences", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pictures, sentences = made_up(384)
    if options.pictures:
        pictures, sentences = (np.load(path) for path in (options.pictures, options.sentences))
    rows = [measure(grown(pictures, int(size)), sentences) for size in options.sizes.split(",")]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    names = ("pictures", "cells", "scanned", "recall", "others", "exact ms", "cells ms", "making s")
    print("".join(f"{name:>10}" for name in names))
    for row in rows:
        one = row.measured
        print(f"{one.rows:>10,}{one.cells:>10,}{one.probed:>10,}{one.recall:>10.4f}", end="")
        print(f"{row.others:>10.4f}{one.exact:>10.2f}{one.divided:>10.2f}{row.making:>10.1f}")


if __name__ == "__main__":
    main()

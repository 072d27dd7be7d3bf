"""What searching costs as a library grows, and how much of it is FAISS's own.

    python benchmarks/growth.py --sizes 1000 10000 100000 1000000 [--model SPEC]

Made-up vectors. For each size, in one resident process: the time of a whole search (words to hits,
the text tower included) and of its part without the tower; the time of the same query in a FAISS
index alone (the same half-precision codes, nothing else); memory and disk an item. Then a query in
a new process of the command line. Queries take turns with FAISS's own, so that both meet the same
machine.
"""

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from libraries import fill
from measuring import machine, median, parser, report, run, say, spread
from sensorium.index import Index
from sensorium.index.vectors import Space
from sensorium.models import open as open_model
from sensorium.roles import DualTower

WORDS = "red green old small wooden bright dog cat car boat tree house street snow beach".split()
K = 10
TIMED = "--timed"  # the inner call: one size in a process of its own, so that memory is its own


def queries(count: int) -> list[str]:
    random = np.random.default_rng(1)
    return [" ".join(random.choice(WORDS, 3, replace=False)) for _ in range(count)]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(home: Path, spec: str | None, rounds: int) -> dict[str, Any]:
    """One size, in this process."""
    model = open_model(spec, DualTower)
    with Index("default", home=home) as index:
        started = time.perf_counter()
        index.search("first", model=model)
        first = time.perf_counter() - started
        loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        row = index.store.current_model()
        assert row is not None
        alone = faiss_index(Space(index.store, row.id, row.dimensions))
        spent = compare(index, model, alone, queries(rounds))
        count = len(index)
    figures = {name: spread([1e3 * one for one in each]) for name, each in spent.items()}
    ratios = [a / b for a, b in zip(spent["faiss"], spent["search"], strict=True)]
    return {
        "items": count,
        "milliseconds": figures,
        "faiss_share_of_a_search": median(ratios),
        "first_search_seconds": first,
        "peak_megabytes": loaded / 1e6,
        "disk_bytes_per_item": size_of(index.folder) / count,
    }


def faiss_index(space: Space) -> faiss.Index:
    """All vectors in FAISS's own half-precision codes."""
    ids = space.all_ids()
    codes = faiss.IndexScalarQuantizer(
        space.values(ids[:1]).shape[1],
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
    )
    for start in range(0, len(ids), 20_000):
        codes.add(space.values(ids[start : start + 20_000]))
    return codes


def compare(
    index: Index, model: DualTower, alone: faiss.Index, asked: list[str]
) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {"search": [], "tower": [], "faiss": []}
    for words in asked:
        started = time.perf_counter()
        vector = model.embed_texts([words])
        spent["tower"].append(time.perf_counter() - started)
        started = time.perf_counter()
        alone.search(vector, K)
        spent["faiss"].append(time.perf_counter() - started)
        started = time.perf_counter()
        index.search(words, k=K, model=model)
        spent["search"].append(time.perf_counter() - started)
    spent["search without the tower"] = [
        whole - tower for whole, tower in zip(spent["search"], spent["tower"], strict=True)
    ]
    return spent


def cold(home: Path, rounds: int) -> dict[str, str]:
    """A query in a new process of the command line."""
    command = [sys.executable, "-m", "sensorium", "search", "a dog on a beach", "--json"]
    env = {"SENSORIUM_HOME": str(home)}
    run(command, env=env)
    spent = [run(command, env=env) for _ in range(rounds)]
    return {
        "wall_seconds": spread([one.wall for one in spent]),
        "cpu_seconds": spread([one.cpu for one in spent]),
        "peak_megabytes": spread([one.peak / 1e6 for one in spent]),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000]
    )
    options.add_argument("--model", help="a spec; the built-in model by default")
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--keep", action="store_true", help="keep the libraries in the cache")
    options.add_argument(TIMED, type=Path, metavar="HOME", help="time one library, and no more")
    arguments = options.parse_args()
    if arguments.timed:
        print(json.dumps(timed(arguments.timed, arguments.model, arguments.rounds)))
        return
    figures: dict[str, Any] = {"machine": machine("sensorium", "onnxruntime", "faiss-cpu")}
    home = arguments.cache / "growth"
    for size in sorted(arguments.sizes):  # each grows out of the one before
        say(arguments, f"{size} items")
        with Index("default", home=home) as index:
            fill(index, open_model(arguments.model, DualTower), size)
        words = ["--model", arguments.model] if arguments.model else []
        inner = [sys.executable, __file__, TIMED, home, "--rounds", str(arguments.rounds), *words]
        figures[f"{size}"] = json.loads(run(inner).output.splitlines()[-1]) | {
            "in a new process": cold(home, 3)
        }
    if not arguments.keep:
        shutil.rmtree(home)
    report(arguments, "growth", figures)


if __name__ == "__main__":
    main()

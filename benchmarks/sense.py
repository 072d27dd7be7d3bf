"""Everyday sense: how often a right picture is among the first three.

    python benchmarks/sense.py FOLDER [--queries media_queries.jsonl] [--model SPEC]

FOLDER is indexed as a person would, everything in it; each line of the queries has `query`, `lang`
and `files`, all that answer it rightly. Names of files are no help: what is indexed is a copy under
names that say nothing. A query without files is of what the folder does not show: it should not be
told "found".
"""

import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import machine, parser, report
from sensorium.index import Index
from sensorium.metrics.retrieval import mean_reciprocal_rank, recall_at_k
from sensorium.results import Hit

HERE = Path(__file__).parent
DEEP = 1_000


@dataclass(frozen=True)
class Asked:
    query: str
    lang: str
    files: tuple[str, ...]


def read(path: Path) -> list[Asked]:
    lines = map(json.loads, path.read_text("utf-8").splitlines())
    return [Asked(one["query"], one["lang"], tuple(one["files"])) for one in lines]


def nameless(folder: Path, target: Path) -> dict[str, str]:
    """Copies under numbers; gives new name → old name."""
    names = {}
    for number, path in enumerate(sorted(folder.iterdir())):
        if path.is_file():
            name = f"{number:04}{path.suffix}"
            shutil.copy2(path, target / name)
            names[name] = path.name
    return names


def ranks(hits: Sequence[Hit], names: dict[str, str], asked: Asked) -> tuple[int, int]:
    """The place of the first right file, from 1: among all hits, and among pictures alone."""
    return (
        _first(hits, names, asked),
        _first([hit for hit in hits if hit.kind == "image"], names, asked),
    )


def _first(hits: Sequence[Hit], names: dict[str, str], asked: Asked) -> int:
    for place, hit in enumerate(hits, 1):
        if {names[path.name] for path in (hit.path, *hit.duplicates)} & {*asked.files}:
            return place
    return DEEP


def main() -> None:
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--queries", type=Path, default=HERE / "media_queries.jsonl")
    options.add_argument("--model", help="a spec; the built-in model by default")
    arguments = options.parse_args()
    asked = read(arguments.queries)
    missing = {name for one in asked for name in one.files} - {
        path.name for path in arguments.folder.iterdir()
    }
    if missing:
        raise SystemExit(f"{arguments.folder} lacks {', '.join(sorted(missing))}")
    places: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    told: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as scratch:
        copies = Path(scratch, "media")
        copies.mkdir()
        names = nameless(arguments.folder, copies)
        with Index("sense", home=Path(scratch)) as index:
            added = index.add(copies, model=arguments.model)
            for one in asked:
                found = index.search(one.query, k=DEEP)
                told["there" if one.files else "not_there"][found.verdict] += 1
                if one.files:
                    places[one.lang][one.query] = ranks(found.hits, names, one)
    figures: dict[str, Any] = {
        "machine": machine("sensorium"),
        "model": arguments.model or "built in",
        "files": len(names),
        "new": added.new,
        "bad": added.bad,
        "told": {of: dict(verdicts) for of, verdicts in told.items()},
    }
    for lang, ranked in places.items():
        among_all, among_pictures = zip(*ranked.values(), strict=True)
        figures[lang] = {
            "queries": len(ranked),
            "right_among_the_first_three": recall_at_k(among_all, 3),
            "right_at_first": recall_at_k(among_all, 1),
            "mrr": mean_reciprocal_rank(among_all),
            "right_among_the_first_three_pictures": recall_at_k(among_pictures, 3),
            "missed": {query: place for query, (place, _) in ranked.items() if place > 3},
        }
    report(arguments, "sense", figures)


if __name__ == "__main__":
    main()

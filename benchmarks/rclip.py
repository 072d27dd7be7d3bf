"""sensorium beside rclip, on the same JPEGs with the same network, in the same run.

    python benchmarks/random_clip.py CLIP 256          (once, with torch: CLIP and CLIP-int8)
    python benchmarks/rclip.py --clip CLIP

Both index the folder with one ViT-B/32 of 256 pixels with random weights (rclip's own has this
shape, and only speed is compared), rclip in float32 as it ships, sensorium in float32 and in int8.
Then: a text query in a new process, the same over made-up vectors in each program's own store, and
what is left after `kill -9` at half. rclip gets a virtual environment of its own, since it pins
NumPy, and everything that it would fetch lies in its data folder before it starts.
"""

import argparse
import os
import shutil
import signal
import sqlite3
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from measuring import Spent, machine, median, parser, report, run, say, spread, start

HERE = Path(__file__).parent
QUERY = "two dogs run over a meadow"
SIZES = {12: "12 MP", 1: "1 MP"}


@dataclass(frozen=True)
class Rclip:
    """The other program, in an environment and with a data folder of its own."""

    cache: Path
    clip: Path
    name: str = "rclip float32"

    @cached_property
    def python(self) -> Path:
        folder = self.cache / "rclip-venv"
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not python.exists():
            venv.create(folder, with_pip=True)
            run([python, "-m", "pip", "install", "--quiet", "rclip", "onnx"])
        return python

    @cached_property
    def network(self) -> Path:
        folder = self.cache / "rclip-network"
        if not folder.exists():
            run([self.python, "-P", HERE / "rclip_side.py", "network", self.clip, folder])
        return folder

    def home(self, name: str) -> Path:
        """An empty data folder with the network in it."""
        folder = self.cache / "rclip-data" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for part in self.network.iterdir():
            (folder / part.name).symlink_to(part)
        return folder

    def version(self) -> str:
        return run([self.python, "-P", "-m", "rclip", "--version"]).output.strip()

    def index_command(self, home: Path, folder: Path) -> list[str | Path]:
        return [self.python, "-P", HERE / "rclip_side.py", "index", home, folder]

    def env(self, home: Path) -> dict[str, str]:
        return {"RCLIP_DATADIR": str(home), "HF_HUB_OFFLINE": "1"}

    def query(self, home: Path, folder: Path) -> Spent:
        command = [self.python, "-P", "-m", "rclip", "--no-indexing", "--filepath-only", QUERY]
        return run(command, cwd=folder, env=self.env(home))

    def rows(self, home: Path) -> int:
        return _count(home / "db.sqlite3", "images")

    def fill(self, home: Path, count: int) -> Path:
        """Made-up vectors; gives the folder that a query is asked in."""
        folder = home / "photographs"
        folder.mkdir()
        run([self.python, "-P", HERE / "rclip_side.py", "store", home, folder, str(count)])
        return folder


@dataclass(frozen=True)
class Sensorium:
    cache: Path
    clip: Path
    name: str

    def home(self, name: str) -> Path:
        folder = self.cache / "sensorium-data" / f"{self.name.replace(' ', '-')}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def index_command(self, home: Path, folder: Path) -> list[str | Path]:
        return [sys.executable, "-m", "sensorium", "index", folder, "--model", f"dir:{self.clip}"]

    def env(self, home: Path) -> dict[str, str]:
        return {"SENSORIUM_HOME": str(home)}

    def query(self, home: Path, folder: Path) -> Spent:
        command = [sys.executable, "-m", "sensorium", "search", QUERY, "--json"]
        return run(command, env=self.env(home))

    def rows(self, home: Path) -> int:
        return _count(home / "libraries" / "default" / "library.sqlite", "vectors")

    def fill(self, home: Path, count: int) -> Path:
        command = [sys.executable, HERE / "libraries.py", "default", str(count)]
        run([*command, "--home", home, "--model", f"dir:{self.clip}"])
        return home


Side = Rclip | Sensorium


def _count(path: Path, table: str) -> int:
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        try:
            return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        except sqlite3.OperationalError:  # killed before it made its tables
            return 0


def indexing(sides: list[Side], folder: Path, rounds: int) -> dict[str, Any]:
    """CPU and wall seconds a picture, and memory; the sides take turns, `rounds` times."""
    count = len(list(folder.glob("*.jpg")))
    spent: dict[str, list[Spent]] = {side.name: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            home = side.home("index")
            spent[side.name].append(run(side.index_command(home, folder), env=side.env(home)))
            assert side.rows(home) == count, f"{side.name} kept {side.rows(home)} of {count}"
    figures: dict[str, Any] = {"n": count, "rounds": rounds}
    for side in sides:
        figures[side.name] = {
            "cpu_seconds_per_image": spread([one.cpu / count for one in spent[side.name]]),
            "wall_seconds_per_image": spread([one.wall / count for one in spent[side.name]]),
            "peak_megabytes": spread([one.peak / 1e6 for one in spent[side.name]]),
        }
    return figures | _ratios(spent, {"cpu": _cpu, "wall": _wall, "peak": _peak})


def _cpu(one: Spent) -> float:
    return one.cpu


def _wall(one: Spent) -> float:
    return one.wall


def _peak(one: Spent) -> float:
    return float(one.peak)


def _ratios(
    spent: dict[str, list[Spent]], measures: dict[str, Callable[[Spent], float]]
) -> dict[str, Any]:
    """The median over rounds of ours divided by rclip's of the same round."""
    theirs, *ours = spent
    return {
        f"{name} / {theirs}": {
            what: median([of(a) / of(b) for a, b in zip(spent[name], spent[theirs], strict=True)])
            for what, of in measures.items()
        }
        for name in ours
    }


def querying(sides: list[Side], count: int, rounds: int) -> dict[str, Any]:
    """A text query in a new process, over `count` made-up vectors in each one's own store."""
    places = {}
    for side in sides:
        home = side.home("query")
        places[side.name] = (home, side.fill(home, count))
    spent: dict[str, list[Spent]] = {side.name: [] for side in sides}
    for side in sides:
        side.query(*places[side.name])  # what the first query derives is kept
    for _ in range(rounds):
        for side in sides:
            spent[side.name].append(side.query(*places[side.name]))
    figures: dict[str, Any] = {"vectors": count, "rounds": rounds}
    for side in sides:
        figures[side.name] = {
            "cpu_seconds": spread([one.cpu for one in spent[side.name]]),
            "wall_seconds": spread([one.wall for one in spent[side.name]]),
            "peak_megabytes": spread([one.peak / 1e6 for one in spent[side.name]]),
        }
        shutil.rmtree(places[side.name][0])
    return figures | _ratios(spent, {"cpu": _cpu, "wall": _wall, "peak": _peak})


def killing(sides: list[Side], folder: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """Rows kept after `kill -9` at half of the time that indexing took before."""
    count = len(list(folder.glob("*.jpg")))
    figures: dict[str, Any] = {"n": count}
    for side in sides:
        home = side.home("kill")
        process = start(side.index_command(home, folder), env=side.env(home))
        time.sleep(seconds[side.name] / 2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = side.rows(home)
        per_second = count / seconds[side.name]
        figures[side.name] = {
            "killed_after_seconds": seconds[side.name] / 2,
            "rows_kept": kept,
            "seconds_of_work_lost": max(0.0, count / 2 - kept) / per_second,
        }
    return figures


def corpora(arguments: argparse.Namespace) -> dict[int, Path]:
    folders = {}
    for megapixels in arguments.megapixels:
        words = ["--megapixels", str(megapixels), "--count", str(arguments.count)]
        run([sys.executable, HERE / "corpus.py", "--cache", arguments.cache, *words])
        folders[megapixels] = arguments.cache / f"corpus-{megapixels}mp-{arguments.count}"
        for path in folders[megapixels].iterdir():
            path.read_bytes()  # into the page cache, for both
    return folders


def options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--clip", type=Path, required=True, help="folder that random_clip.py made")
    made.add_argument("--count", type=int, default=500, help="JPEGs of each size")
    made.add_argument("--megapixels", type=int, nargs="*", choices=SIZES, default=[12, 1])
    made.add_argument("--vectors", type=int, nargs="*", default=[10_000, 100_000, 500_000])
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--no-kill", action="store_true", help="leave out kill -9")
    return made.parse_args()


def main() -> None:
    arguments = options()
    clip, int8 = arguments.clip.absolute(), Path(f"{arguments.clip.absolute()}-int8")
    other = Rclip(arguments.cache, clip)
    sides: list[Side] = [
        other,
        Sensorium(arguments.cache, clip, "sensorium float32"),
        Sensorium(arguments.cache, int8, "sensorium int8"),
    ]
    info = machine("sensorium", "onnxruntime", "numpy", "pillow", "faiss-cpu")
    figures: dict[str, Any] = {"machine": info | {"rclip": other.version()}}
    folders = corpora(arguments)
    for megapixels, folder in folders.items():
        say(arguments, f"indexing {arguments.count} JPEGs of {SIZES[megapixels]}")
        figures[f"indexing {SIZES[megapixels]}"] = indexing(sides, folder, arguments.rounds)
    for count in arguments.vectors:
        say(arguments, f"a query over {count} vectors")
        figures[f"query at {count}"] = querying(sides, count, max(arguments.rounds, 3))
    if folders and not arguments.no_kill:
        folder = next(iter(folders.values()))
        say(arguments, "kill -9 at half")
        seconds = {}
        for side in sides:
            home = side.home("index")
            seconds[side.name] = run(side.index_command(home, folder), env=side.env(home)).wall
        figures["kill -9 at half"] = killing(sides, folder, seconds)
    report(arguments, "rclip", figures)


if __name__ == "__main__":
    main()

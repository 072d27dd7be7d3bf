"""What a library costs as it grows: time, memory, and disk an item.

    python benchmarks/growth.py --sizes 1000 10000 100000 1000000 [--model SPEC]

Made-up vectors. For each size: vectors.py in a process of its own (a resident program's searches
beside FAISS alone, its memory and disk), then a query of the command line in new processes, with
the model's tower and all.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from measuring import machine, parser, report, run, say, spread
from sensorium.index.vectors import NEWER

HERE = Path(__file__).parent
LIBRARY = "growth"


def resident(home: Path, size: int, repeats: int) -> dict[str, Any]:
    """vectors.py's figures, with what its process and its library held."""
    words = ["--sizes", str(size), "--repeats", str(repeats), "--home", home, "--json"]
    spent = run([sys.executable, HERE / "vectors.py", *words])
    (times,) = json.loads(spent.output)
    folder = home / "libraries" / f"made-up-{size}"
    held = sum(path.stat().st_size for path in folder.iterdir())
    shutil.rmtree(folder)
    return times | {"peak_megabytes": spent.peak / 1e6, "disk_bytes_per_item": held / size}


def cold(home: Path, size: int, model: str | None, rounds: int) -> dict[str, str]:
    """A query in a new process of the command line; the library grows to `size` before."""
    words = ["--model", model] if model else []
    run([sys.executable, HERE / "libraries.py", LIBRARY, str(size), "--home", home, *words])
    question = ["search", "a dog on a beach", "--library", LIBRARY, "--json"]
    command = [sys.executable, "-m", "sensorium", *question]
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
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    options.add_argument("--sizes", type=int, nargs="+", default=sizes)
    options.add_argument("--model", help="a spec; the built-in model by default")
    options.add_argument("--rounds", type=int, default=30, help="searches of the resident program")
    arguments = options.parse_args()
    figures: dict[str, Any] = {"machine": machine("sensorium", "onnxruntime", "faiss-cpu")}
    home = arguments.cache / "growth"
    for size in sorted(arguments.sizes):
        say(arguments, f"{size} items")
        figures[f"{size} items"] = {"in a new process": cold(home, size, arguments.model, 5)}
        if size > NEWER:  # a smaller library has no FAISS file of its own to compare with
            times = resident(home, size, arguments.rounds)
            figures[f"{size} items"]["resident, milliseconds"] = times
    shutil.rmtree(home)
    report(arguments, "growth", figures)


if __name__ == "__main__":
    main()

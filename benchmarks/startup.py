"""What it costs to start: the import, the program, and a query in a new process.

    python benchmarks/startup.py [--model SPEC] [--count 10000]

The query searches a library of made-up vectors with the built-in model, in the command line as a
person would call it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from measuring import Spent, machine, median, parser, report, run, spread

HERE = Path(__file__).parent
LOADED = "import sys, json, sensorium; print(json.dumps(sorted(sys.modules)))"
HEAVY = {"numpy", "PIL", "onnxruntime", "faiss", "av", "torch", "typer", "rich", "pyarrow"}
PROGRAM = [sys.executable, "-m", "sensorium"]


def timed(rounds: int, command: list[str | Path], **how: Any) -> list[Spent]:
    run(command, **how)  # files into the page cache
    return [run(command, **how) for _ in range(rounds)]


def walls(spent: list[Spent], beyond: float = 0.0) -> str:
    return spread([one.wall - beyond for one in spent])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", help="a spec; the built-in model by default")
    options.add_argument("--count", type=int, default=10_000, help="vectors in the library")
    options.add_argument("--rounds", type=int, default=7)
    arguments = options.parse_args()
    rounds = arguments.rounds

    bare = median([one.wall for one in timed(rounds, [sys.executable, "-c", "pass"])])
    package = timed(rounds, [sys.executable, "-c", "import sensorium"])
    modules = json.loads(run([sys.executable, "-c", LOADED]).output)

    home = arguments.cache / "startup" / str(arguments.count)
    words = ["--model", arguments.model] if arguments.model else []
    filling = ["default", str(arguments.count), "--home", home, *words]
    run([sys.executable, HERE / "libraries.py", *filling])
    env = {"SENSORIUM_HOME": str(home)}
    search = [*PROGRAM, "search", "两只狗在草地上奔跑", "--json"]
    cold = timed(rounds, search, env=env)
    figures = {
        "machine": machine("sensorium", "onnxruntime", "faiss-cpu"),
        "rounds": rounds,
        "bare_python_seconds": bare,
        "import_seconds_over_bare_python": walls(package, bare),
        "heavy_modules_imported": sorted(HEAVY & {*modules}),
        "help_seconds": walls(timed(rounds, [*PROGRAM, "--help"])),
        "query": {
            "vectors": arguments.count,
            "model": arguments.model or "built in",
            "wall_seconds": walls(cold),
            "cpu_seconds": spread([one.cpu for one in cold]),
            "peak_megabytes": spread([one.peak / 1e6 for one in cold]),
        },
    }
    report(arguments, "startup", figures)


if __name__ == "__main__":
    main()

"""What the benchmarks share: a process and what it cost, the machine, a table or JSON."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DEFAULT_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "sensorium-bench")
_VECTOR_INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


@dataclass(frozen=True)
class Spent:
    """What a finished process cost. wall, cpu: seconds (cpu: user and system, its children's too).
    peak: bytes of memory resident at once."""

    wall: float
    cpu: float
    peak: int
    output: str


def run(
    command: Sequence[str | Path],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Spent:
    """Run a command to its end; a failing one ends the benchmark with what it said."""
    started = time.perf_counter()
    process = start(command, cwd, env)
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} left with {process.returncode}:\n{output[-2000:]}")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Spent(wall, usage.ru_utime + usage.ru_stime, peak, output)


def start(
    command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A running command, its output and errors in one pipe."""
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | dict(env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def machine(*packages: str) -> dict[str, Any]:
    """The machine and the versions that a figure was taken with."""
    info = _cpu_info()
    flags = info.get("flags", info.get("Features", "")).split()
    return {
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "instructions": [one for one in _VECTOR_INSTRUCTIONS if one in flags],
        "load": [round(one, 2) for one in os.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in packages},
    }


def _cpu_info() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Median, and the lowest and highest beside it."""
    return f"{median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def parser(words: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(
        description=words, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    made.add_argument(
        "--cache",
        type=Path,
        default=DEFAULT_CACHE,
        help="folder for generated files and libraries (default: %(default)s)",
    )
    return made


def report(arguments: argparse.Namespace, title: str, figures: Mapping[str, Any]) -> None:
    """Print figures: as JSON, or as one line a figure with nested ones indented."""
    if arguments.json:
        print(json.dumps({"benchmark": title, **figures}, ensure_ascii=False))
        return
    print(f"\n{title}")
    _print(figures, 1)


def _print(value: Mapping[str, Any], depth: int) -> None:
    for name, one in value.items():
        head = "  " * depth + name
        if isinstance(one, Mapping):
            print(head)
            _print(one, depth + 1)
        else:
            print(f"{head:<44} {_words(one)}")


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return str(value)


def say(arguments: argparse.Namespace, words: str) -> None:
    """A remark while it works, on stderr."""
    if not arguments.json:
        print(words, file=sys.stderr, flush=True)

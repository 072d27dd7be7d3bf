"""Ways to show a result beyond printing it: options that a command has where its result fits.

A way is presentation, so it belongs to this surface and no task knows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.results import Result, write_whole
from sensorium.surfaces.cli._out import Out


@dataclass(frozen=True)
class Way:
    """kinds: results that it can show. metavar: what its option takes, empty for a switch.
    instead: it takes the place of the usual output. show: (results, the option's value, out)."""

    flag: str
    help: str
    kinds: tuple[type[Result], ...]
    show: Callable[[tuple[Any, ...], Any, Out], None]
    metavar: str = ""
    short: str = ""
    instead: bool = False

    @property
    def parameter(self) -> str:
        return "way_" + self.flag.lstrip("-").replace("-", "_")


def ways_of(kind: type) -> tuple[Way, ...]:
    """The ways that fit a result of that kind."""
    return tuple(way for way in WAYS if issubclass(kind, way.kinds))


def _save(results: tuple[Result, ...], path: str, out: Out) -> None:
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written", f"{target.parent} is no folder")
    if len(results) == 1:
        results[0].save(target)
    else:
        lines = "".join(result.to_json() + "\n" for result in results)
        write_whole(target, lines.encode("utf-8", "surrogateescape"))
    out.note(f"saved {path}")


WAYS: tuple[Way, ...] = (
    Way("--save", "Save the result to a file.", (Result,), _save, metavar="PATH"),
)

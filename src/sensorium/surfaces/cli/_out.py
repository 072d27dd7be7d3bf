"""How a command speaks: results on stdout, everything else on stderr, both fit for pipes.

`--json` gives one JSON object a line on stdout, and errors as JSON objects on stderr.
"""

import errno
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sensorium.errors import Internal, Refused, SensoriumError
from sensorium.views.printable import printable

if TYPE_CHECKING:
    import typer
    from rich.console import Console, RenderableType

    from sensorium.results import AnyResult


@dataclass
class Out:
    """json: machines read, not people. verbose: show what is usually kept back."""

    json: bool = False
    verbose: bool = False
    failed: list[SensoriumError] = field(default_factory=list)

    @staticmethod
    def of(context: "typer.Context") -> "Out":
        out = context.find_root().obj
        assert isinstance(out, Out)
        return out

    @cached_property
    def console(self) -> "Console":
        """stdout, for people."""
        from rich.console import Console

        return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())

    @cached_property
    def aside(self) -> "Console":
        """stderr, for people."""
        from rich.console import Console

        return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())

    def record(self, value: Mapping[str, Any]) -> None:
        """One JSON object, a line on stdout. It says its "type"."""
        from sensorium.results.codec import (
            dumps,
        )  # late: it brings numpy, which help can do without

        assert "type" in value
        self.line(dumps(value))

    def line(self, text: str) -> None:
        """A line on stdout as it is."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def row(self, *columns: object) -> None:
        """A line on stdout whose columns stand between tabs."""
        self.line(_harmless("\t".join(map(str, columns)), sys.stdout))

    def show(self, what: "RenderableType") -> None:
        """Something for people on stdout; nothing with --json, where `record` speaks."""
        if not self.json:
            self.console.print(what)

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and values for people, in two columns; a long value goes on below its beginning."""
        from rich.table import Table
        from rich.text import Text

        width = max((len(name) for name, _ in rows), default=0)
        if not sys.stdout.isatty():  # a pipe has no width
            for name, value in rows:
                self.show(Text(f"{name:<{width}}  {value}"))
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(min_width=width, style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(name, Text(value))
        self.show(grid)

    def result(self, result: "AnyResult", preview: bool = True, named: bool = False) -> None:
        """JSON with --json, plain lines in a pipe, else as a terminal shows it. named: it is one of
        several, and lines must say of which item they are."""
        if self.json:
            self.line(result.to_json())
        elif not sys.stdout.isatty():
            from sensorium.results import Hits
            from sensorium.views.plain import lines

            for line in lines(result, named):
                self.line(line)
            self.remarks(result)
            if isinstance(result, Hits) and result.verdict == "nothing":
                nearest = "; these are the nearest" if result.hits else ""
                self.note(f"nothing here matches{nearest}")
        else:
            from sensorium.views.terminal import render

            self.console.print(render(result, self.console, preview))

    def remarks(self, result: "AnyResult") -> None:
        """What lines have no place for and a reader must know, on stderr."""
        from sensorium.results import Timeline

        if isinstance(result, Timeline):
            from sensorium.views import feelings, words

            item = words.short(result.item, 60)
            for told in feelings.calm(result)[1]:
                self.note(f"{item}: {told}")

    def note(self, words: str) -> None:
        """A remark for people on stderr: a warning, a summary of work done."""
        if not self.json:
            self.aside.print(_harmless(words, sys.stderr), markup=False)

    def error(self, error: BaseException) -> int:
        """Say what went wrong, on stderr; gives the exit code."""
        known = _known(error)
        if self.json:
            from sensorium.results.codec import dumps

            told = {"what": known.what, "why": known.why, "hint": known.hint}
            words = dumps({"type": "Error", **told, "code": known.exit_code})
            sys.stderr.write(words + "\n")
        else:
            self._tell(known)
        if self.verbose:
            traceback.print_exception(error, file=sys.stderr)
        return known.exit_code

    def _tell(self, error: SensoriumError) -> None:
        from rich.text import Text

        what, why, hint = (
            _harmless(words, sys.stderr) for words in (error.what, error.why, error.hint)
        )
        self.aside.print(Text.assemble(("error  ", "bold red"), (what, "bold")))
        if why:
            self.aside.print(Text("       " + why))
        if hint:
            self.aside.print(Text.assemble(("try    ", "green"), hint))


def _harmless(words: str, stream: TextIO) -> str:
    """A pipe gets the very words; a terminal nothing that would steer it."""
    return re.sub(r"[^\n\t]+", lambda part: printable(part[0]), words) if stream.isatty() else words


def _known(error: BaseException) -> SensoriumError:
    match error:
        case SensoriumError():
            return error
        case OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOSPC | errno.EDQUOT):
            what = os.fsdecode(error.filename) if error.filename else "the output"
            return Refused(f"{what} cannot be used", (error.strerror or str(error)).lower())
        case _:
            return internal(error)


def internal(error: BaseException) -> Internal:
    """A defect of ours, as a person may see it. The same defect has the same id everywhere."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    mark = sha256(f"{type(error).__name__} {where}".encode()).hexdigest()[:8]
    return Internal(
        f"something in sensorium broke (defect {mark})",
        why=f"{type(error).__name__}: {error}",
        hint="run it again with -v to see where, and report it with the id",
    )


def prepare_streams() -> None:
    """No name of a file and no language may break the output, whatever the locale says.

    A pipe gets UTF-8 and the very bytes of a file's name; a terminal keeps its encoding, and what
    it cannot show is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        _prepare(stream)


def _prepare(stream: TextIO) -> None:
    if not hasattr(stream, "reconfigure"):
        return
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")
    else:
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")

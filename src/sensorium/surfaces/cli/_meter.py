"""How far long work is: a line on a terminal's stderr, once two seconds have gone by."""

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sensorium.flow import Progress
from sensorium.surfaces.cli._out import Out

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 2.0
"""Seconds of work that nobody needs to be told about."""


class Meter:
    """A line with rate and time left; nothing for quick work, or where no person reads."""

    def __init__(self, out: Out, title: str) -> None:
        self._out = out
        self._title = title
        self._latest = Progress(0, 0, "")
        self._bar: Bar | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE, self._appear)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()

    def move(self, progress: Progress, words: str = "") -> None:
        """The latest state; `words` stand behind the counts."""
        with self._lock:
            self._latest = progress
            if self._bar is not None:
                self._draw(words)

    def above(self, speak: Callable[[], object]) -> None:
        """Say something on stdout without the line getting in its way."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            speak()
            if self._bar is not None:
                self._bar.start()

    def _appear(self) -> None:
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        with self._lock:
            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[counts]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[words]}", style="dim"),
                console=self._out.aside,
                transient=True,
                redirect_stdout=False,  # stdout is the results', and may be a pipe
            )
            self._bar.add_task(self._title, total=None, counts="", rate="", words="")
            self._bar.start()
            self._draw("")

    def _draw(self, words: str) -> None:
        assert self._bar is not None
        one = self._bar.tasks[0]
        done, total = self._latest.done, self._latest.total
        counts = f"{done:,}/{total:,}" if total else f"{done:,}" if done else ""
        rate = f"{one.speed:.3g} {self._latest.unit}/s" if one.speed else ""
        self._bar.update(
            one.id, completed=done, total=total or None, counts=counts, rate=rate, words=words
        )

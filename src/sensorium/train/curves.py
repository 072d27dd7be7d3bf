"""Curves of a run: `curves.jsonl` for anyone, event files for TensorBoard, a picture at the end."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from sensorium.results.result import write_whole
from sensorium.train.events import EventFile
from sensorium.views.chart import Line, draw_chart

CURVES = "curves.jsonl"
PICTURE = "curves.png"


class Curves:
    """A line of figures a step. A run that goes on drops what was written after its checkpoint."""

    def __init__(self, folder: Path, step: int, writes: bool) -> None:
        """writes: False in all processes but the first, where nothing is written."""
        self._folder = folder
        self._step = step
        self._writes = writes
        self._lines: TextIO | None = None
        self._events: EventFile | None = None

    def __enter__(self) -> Self:
        if self._writes:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / CURVES
            rows = read_curves(path) if self._step else []  # begun anew, it tells its start again
            kept = [row for row in rows if row["step"] <= self._step]
            write_whole(path, "".join(json.dumps(row) + "\n" for row in kept).encode())
            self._lines = path.open("a", encoding="utf-8")
            self._events = EventFile(self._folder)
        return self

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        if self._lines is None or self._events is None:
            return
        self._lines.write(json.dumps({"step": step, **figures}) + "\n")
        self._lines.flush()
        self._events.add(step, figures)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lines is not None and self._events is not None:
            self._lines.close()
            self._events.close()
            draw(self._folder)


def read_curves(path: Path) -> list[dict[str, float]]:
    """A row a line; a last line that was cut off is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def draw(folder: Path) -> None:
    """`curves.png`: a panel a figure, over steps."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in read_curves(folder / CURVES):
        for name, value in row.items():
            if name != "step":
                lines.setdefault(name, []).append((row["step"], value))
    if lines:
        charts = [Line(name, tuple(points)) for name, points in lines.items()]
        write_whole(folder / PICTURE, draw_chart(charts, "step"))

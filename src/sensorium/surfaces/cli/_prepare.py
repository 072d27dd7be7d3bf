"""`sensorium train prepare`: data files of the public originals of sets."""

import inspect
from contextlib import closing
from pathlib import Path

from sensorium.errors import InputError, NotFound
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.train.prepare import SETS, Prepared, prepare

_SHOWN = 5


def run_prepare(name: str | None, source: Path | None, into: Path, out: Out) -> None:
    if name is None:
        for one in SETS:
            out.show(f"[bold]{one:<10}[/bold] {SETS.summary(one)}")
        return
    if name not in SETS:
        raise NotFound(f"there is no set “{name}”", hint=", ".join(SETS))
    if source is None:
        out.line(inspect.cleandoc(SETS[name].help))
        raise InputError(f"{name} is made of its original", "--from DIR names its folder")
    told = _prepared(name, source.expanduser(), into.expanduser(), out)
    for bad in told.bad[:_SHOWN]:
        out.note(f"left out {bad}")
    if len(told.bad) > _SHOWN:
        out.note(f"left out {len(told.bad):,} rows in all")
    for path, rows in told.rows.items():
        if out.json:
            out.record({"type": "DataFile", "path": str(path), "rows": rows})
        else:
            out.line(f"{path}: {rows:,} rows")


def _prepared(name: str, source: Path, into: Path, out: Out) -> Prepared:
    events = prepare(name, source, into)
    with Meter(out, f"prepare {name}") as meter, closing(events):
        while True:
            try:
                meter.move(next(events))
            except StopIteration as end:
                told = end.value
                assert isinstance(told, Prepared)
                return told

"""Running a task: progress while it works, results, and at the end what failed."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

import typer

from sensorium.flow import Failed, Progress
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.surfaces.cli._ways import Way
from sensorium.task import Partial, Task

Shown = Sequence[tuple[Way, Any]]


def run_one(
    task: Task, items: Sequence[Any], options: dict[str, Any], shown: Shown, out: Out
) -> None:
    """One call; its events move the meter, its result is shown."""
    result = None
    with Meter(out, task.name) as meter, closing(task.stream(*items, **options)) as events:
        for event in events:
            match event:
                case Progress():
                    meter.move(event)
                case Partial():
                    pass  # the whole follows, and half a result in a pipe would be taken for it
                case _:
                    result = event
    _show((result,), shown, out)


def run_many(
    task: Task, items: Sequence[Any], options: dict[str, Any], shown: Shown, out: Out
) -> None:
    """One call an item; a failed one never stops the rest and is told at the end.

    Leaves with the first failure's exit code when all failed.
    """
    results: list[Any] = []
    failed: list[Failed] = []
    with Meter(out, task.name) as meter, closing(task.map(items, **options)) as made:
        for done, result in enumerate(made, 1):
            if isinstance(result, Failed):
                failed.append(result)
            elif shown:
                results.append(result)
            else:
                results.append(None)
                meter.above(partial(out.result, result, named=True))
            meter.move(Progress(done, len(items), "items"))
    if shown and results:
        _show(tuple(results), shown, out)
    for one in failed:
        out.error(one.error)
    if failed and not results:
        raise typer.Exit(failed[0].error.exit_code)


def _show(results: tuple[Any, ...], shown: Shown, out: Out) -> None:
    if out.json or not any(way.instead for way, _ in shown):
        for result in results:
            out.result(result, named=len(results) > 1)
    for way, value in shown:
        way.show(results, value, out)

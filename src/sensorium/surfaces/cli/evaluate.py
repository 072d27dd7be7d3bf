"""Measure a model on a data file of your own: search, naming, and what else is on the shelf.

Prints figures, and with --json the whole report; a row that cannot be used is named and left out.
"""

import inspect
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sensorium.errors import NotFound
from sensorium.evaluate import EVALUATIONS
from sensorium.flow import Failed, Progress
from sensorium.results.codec import encode
from sensorium.surfaces.cli._app import shared
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.surfaces.cli._task import help_of, parameter_of
from sensorium.task import Item, Task


class Evaluations(TyperGroup):
    """Lists the shelf without importing it, and loads the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(EVALUATIONS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What help and completion list: a name and a line about it."""
        return TyperCommand(cmd_name, help=EVALUATIONS.summary(cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:
        if args[0] not in EVALUATIONS:
            raise NotFound(f"there is no evaluation “{args[0]}”", hint=", ".join(EVALUATIONS))
        return args[0], _command(EVALUATIONS[args[0]]), args[1:]


app = typer.Typer(cls=Evaluations, add_completion=False)


@app.callback(no_args_is_help=True)
def _group() -> None:
    """Typer makes a group of what has a callback; its help is the file's docstring."""


def _command(evaluation: Task) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    single.command(evaluation.name, help=help_of(evaluation, "evaluate"))(_function(evaluation))
    return shared(typer.main.get_command(single))


def _function(evaluation: Task) -> Any:
    """A function whose signature typer reads: the table as --data, then the evaluation's own."""

    def command(ctx: typer.Context, **given: Any) -> None:
        """Typer calls it with what its signature declares."""
        _run(evaluation, given, Out.of(ctx))

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    parameters = [
        _table(one) if isinstance(one, Item) else parameter_of(evaluation, one)
        for one in evaluation.parameters
    ]
    command.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
    return command


def _table(item: Item) -> inspect.Parameter:
    info = typer.Option(f"--{item.name}", metavar="FILE", help=item.help or "A parquet file.")
    return inspect.Parameter(
        item.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, info]
    )


def _run(evaluation: Task, given: dict[str, Any], out: Out) -> None:
    options = {name: value for name, value in given.items() if value is not None}
    report = None
    with Meter(out, evaluation.name) as meter, closing(evaluation.stream(**options)) as events:
        for event in events:
            match event:
                case Progress():
                    meter.move(event)
                case Failed():
                    out.error(event.error)
                case _:
                    report = event
    told = {"type": type(report).__name__, **encode(report)}
    if out.json:
        out.record(told)
        return
    for name, words in _lines("", told):
        out.show(f"[bold]{name:<22}[/bold] {words}")


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A report's figures, a line for each row of them."""
    if isinstance(value, dict) and (not name or any(isinstance(v, dict) for v in value.values())):
        for key, inner in value.items():
            yield from _lines(f"{name} {key}".strip(), inner)
    elif isinstance(value, dict):
        yield name, "   ".join(f"{key} {_words(one)}" for key, one in value.items())
    else:
        yield name, _words(value)


def _words(value: Any) -> str:
    match value:
        case float():
            return f"{value:.4g}"
        case [float() as low, float() as high]:
            return f"{low:.3f} to {high:.3f}"
        case [*several]:
            return ", ".join(map(str, several[:5])) + (" …" if len(several) > 5 else "") or "none"
        case _:
            return str(value)

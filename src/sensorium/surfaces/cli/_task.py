"""A task as a command: its declaration becomes arguments and options, its docstring the help."""

import inspect
import shlex
import time
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any

import typer

from sensorium.index import libraries
from sensorium.media import Text
from sensorium.runtime.catalogue import catalogue
from sensorium.surfaces.cli._given import read_items
from sensorium.surfaces.cli._out import Out
from sensorium.surfaces.cli._run import run_many, run_one
from sensorium.surfaces.cli._ways import Way, ways_of
from sensorium.task import Item, Option, Resource, Task
from sensorium.tasks._kept import is_kept_since

_METAVARS = {"int": "N", "float": "X", "Path": "PATH", "date": "YYYY-MM-DD", "str": "TEXT"}


def help_of(task: Task, *group: str) -> str:
    """The task's docstring, then a command line that runs. group: the command that it is under."""
    if not task.example:
        return task.help
    line = " ".join(shlex.quote(one) for one in ("sensorium", *group, task.name, *task.example))
    return f"{task.help}\n\nExample:\n\n    {line}"


def function_of(task: Task) -> Callable[..., None]:
    """A function whose signature typer reads as the task's command line."""
    ways = ways_of(task.result)

    def command(ctx: typer.Context, **given: Any) -> None:
        """Typer calls it with what its signature declares."""
        _run(task, ways, given, Out.of(ctx))

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    parameters = [parameter_of(task, one) for one in task.parameters]
    parameters += [_way(way) for way in ways]
    signature = inspect.Signature([context, *parameters])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _run(task: Task, ways: tuple[Way, ...], given: dict[str, Any], out: Out) -> None:
    shown = [(way, given[way.parameter]) for way in ways if given[way.parameter]]
    for way, value in shown:
        way.check(value)
    options: dict[str, Any] = {
        one.name: one.read(given[one.name])
        for one in task.options
        if given[one.name] not in (None, [])
    }
    options |= {one.name: given[one.name] for one in task.resources if given[one.name] is not None}
    calls = read_items(task, given)
    for way, _ in shown:
        way.refuse_several(len(calls))
    began = time.time()
    try:
        if len(calls) == 1:
            run_one(task, calls[0], options, shown, out)
        else:
            run_many(task, [items[0] for items in calls], options, shown, out)
    except KeyboardInterrupt:
        resumes = any(one.name == "resume" for one in task.options)
        if resumes and is_kept_since(began):
            out.note("what is read is kept; the same command with --resume goes on from there")
        raise


def parameter_of(task: Task, one: Item | Option | Resource) -> inspect.Parameter:
    """How typer declares one parameter of a task."""
    match one:
        case Item():
            return _argument(task, one)
        case Option():
            return _option(one)
        case Resource():
            return _resource(one)


def _resource(one: Resource) -> inspect.Parameter:
    model = one.opened.kind == "model"
    usual = "Another model: a name, hf:org/repo or dir:path." if model else "Its name."
    info = typer.Option(
        "--" + one.name.replace("_", "-"),
        metavar="SPEC" if model else "NAME",
        help=f"{one.help or usual} Default: {one.opened.default}.",
        show_default=False,
        autocompletion=(lambda: list(catalogue())) if model else (lambda: libraries()),
    )
    return _keyword(one.name, Annotated[str | None, info], None)


def _argument(task: Task, item: Item) -> inspect.Parameter:
    several = item.many or item.composed or len(task.items) == 1
    info = typer.Argument(
        metavar=item.name.upper(),
        help=_item_help(item, several and not item.many),
        show_default=False,
    )
    hint = Annotated[list[str], info] if several else Annotated[str, info]
    default = inspect.Parameter.empty if item.required else None
    return _keyword(item.name, hint, default)


def _item_help(item: Item, one_by_one: bool) -> str:
    if item.help:
        return item.help
    kinds = " or ".join(kind.__name__.lower() for kind in item.kinds)
    words = "words, a path" if Text in item.kinds else "a path"
    given = f"{kinds[0].upper()}{kinds[1:]}: {words}, path@10s-20s for a stretch, - for stdin."
    return given + (" Several, or a folder, are done one by one." if one_by_one else "")


def _option(one: Option) -> inspect.Parameter:
    if one.type is bool:
        flags = one.flag if not one.default else f"{one.flag}/--no-{one.flag[2:]}"
        info = typer.Option(flags, help=one.help)
        return _keyword(one.name, Annotated[bool, info], one.default)
    choices = list(one.choices)
    info = typer.Option(
        one.flag,
        metavar="|".join(choices) or _METAVARS.get(one.type.__name__, one.type.__name__.upper()),
        help=f"{one.help} From {one.range}." if one.range else one.help,
        autocompletion=(lambda: choices) if choices else None,
    )
    # Values stay words here: the option itself reads and checks them, the same on every surface.
    if one.many:
        return _keyword(one.name, Annotated[list[str], info], [_word(v) for v in one.default])
    default = None if one.default is None else _word(one.default)
    return _keyword(one.name, Annotated[str | None, info], default)


def _word(value: Any) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)


def _way(way: Way) -> inspect.Parameter:
    flags = (way.flag, way.short) if way.short else (way.flag,)
    panel = "Ways to show it"
    if way.metavar:
        info = typer.Option(*flags, metavar=way.metavar, help=way.help, rich_help_panel=panel)
        return _keyword(way.parameter, Annotated[str | None, info], None)
    info = typer.Option(*flags, help=way.help, rich_help_panel=panel)
    return _keyword(way.parameter, Annotated[bool, info], False)


def _keyword(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)

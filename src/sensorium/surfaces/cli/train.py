"""Train a model of your own on pictures and captions; check and prepare the data for it.

Each recipe has its own fields: `sensorium train RECIPE --help`. A run that was interrupted goes on
when the same command is given again. Several GPUs: `torchrun --nproc-per-node 4 -m sensorium …`.
"""

import dataclasses
import inspect
import math
import os
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sensorium.errors import NotFound
from sensorium.flow import Progress
from sensorium.surfaces.cli._app import shared
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.task import Option
from sensorium.train import RECIPES, taken

_METAVARS = {"int": "N", "float": "X", "str": "TEXT", "Path": "FOLDER"}


class Recipes(TyperGroup):
    """Lists recipes without importing them, and loads the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*RECIPES, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in RECIPES:
            panel = "Recipes"
            return TyperCommand(cmd_name, help=RECIPES.summary(cmd_name), rich_help_panel=panel)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:
        name = args[0]
        if name in RECIPES:
            return name, _command(name), args[1:]
        if super().get_command(ctx, name) is None:
            every = self.list_commands(ctx)
            near = get_close_matches(name, every, n=3)
            raise NotFound(f"there is no recipe “{name}”", hint=", ".join(near or every))
        return super().resolve_command(ctx, args)  # type: ignore[return-value]


app = typer.Typer(cls=Recipes, add_completion=False, rich_markup_mode="markdown")


@app.callback(no_args_is_help=True)
def _group() -> None:
    """Typer makes a group of what has a callback; its help is the file's docstring."""


@app.command(rich_help_panel="Data")
def check(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(metavar="DATA", help="What would be trained on.")],
    val: Annotated[
        list[str] | None, typer.Option(metavar="DATA", help="What is held out, where it is apart.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also show samples: a .png or a .html.")
    ] = None,
) -> None:
    """Tell what is wrong with data before anything is trained on it: unreadable, twice, leaked."""
    from sensorium.surfaces.cli._check import run_check

    run_check(data, val or [], sheet, Out.of(ctx))


@app.command(rich_help_panel="Data")
def prepare(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The set.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Its public original, unpacked.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where data files go.")] = Path(),
) -> None:
    """Make data files of the public original of a set; without --from, say what it must hold."""
    from sensorium.surfaces.cli._prepare import run_prepare

    run_prepare(name, source, out, Out.of(ctx))


def _command(name: str) -> Any:
    recipe = taken(name)

    def command(ctx: typer.Context, config: Path | None, **given: Any) -> None:
        """Typer calls it with what its signature declares."""
        _run(name, config, given, Out.of(ctx))

    parameters = [_config(), *map(_parameter, recipe.fields)]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    signature = inspect.Signature([context, *parameters])
    command.__signature__ = signature  # type: ignore[attr-defined]
    single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    single.command(name, help=recipe.help)(command)
    return shared(typer.main.get_command(single))


def _config() -> inspect.Parameter:
    info = typer.Option("--config", metavar="FILE", help="A TOML file of the fields below.")
    return _keyword("config", Annotated[Path | None, info])


def _parameter(field: Option) -> inspect.Parameter:
    """A field as words or nothing: what is not given may stand in the file."""
    if field.type is bool:
        info = typer.Option(f"{field.flag}/--no-{field.flag[2:]}", help=_help(field))
        return _keyword(field.name, Annotated[bool | None, info])
    metavar = "|".join(one for one in field.choices if one) or _METAVARS[field.type.__name__]
    info = typer.Option(field.flag, metavar=metavar, help=_help(field))
    hint: Any = list[str] | None if field.many else str | None
    return _keyword(field.name, Annotated[hint, info])


def _help(field: Option) -> str:
    notes = [str(field.range)] if field.range else []
    if field.default is dataclasses.MISSING:
        notes.append("must be given")
    elif field.default not in ("", ()):
        notes.append(f"default: {field.default}")
    return f"{field.help}  \\[{'; '.join(notes)}]" if notes else field.help


def _keyword(name: str, hint: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=None)


def _run(name: str, config: Path | None, given: dict[str, Any], out: Out) -> None:
    from sensorium.train.loop import Ended, Step, Validated

    fields = {key: value for key, value in given.items() if value not in (None, [])}
    silent = int(os.environ.get("RANK", 0)) > 0  # of several processes the first one speaks
    ended: Ended | None = None
    with Meter(out, name) as meter, closing(RECIPES[name].stream(config, fields)) as events:  # type: ignore[type-var]
        for event in events:
            if silent:
                continue
            if out.json:
                out.record({"type": type(event).__name__, **_plain(dataclasses.asdict(event))})
            match event:
                case Step():
                    words = f"loss {event.loss:.4g}   {event.rate:.0f} pictures/s"
                    meter.move(Progress(event.number, event.of, "steps"), words)
                case Validated():
                    words = f"step {event.step:<7} {_first(event.figures)}"
                    meter.above(lambda words=words: out.show(words))  # type: ignore[misc]
                case Ended():
                    ended = event
    if ended:
        _tell(ended, out)


def _tell(ended: Any, out: Out) -> None:
    if ended.left_out:
        out.note(
            f"{ended.left_out:,} rows could not be used; bad-rows.txt in the folder names them"
        )
    if ended.why == "stopped":
        out.note(f"after step {ended.step:,}; the same command goes on from there")
        raise typer.Exit(130)
    if ended.best == 0:
        out.note("every step was worse than the start, whose weights were kept")
    early = ", early: validation got no better" if ended.why == "early" else ""
    out.show(f"ended after {ended.step:,} steps{early}")
    width = max(map(len, ended.figures), default=0)
    for name, value in ended.figures.items():
        before = f"   before {ended.before[name]:.4g}" if name in ended.before else ""
        out.show(f"  {name:<{width}}  {value:<6.4g}{before}")
    if ended.doubt:
        out.note(ended.doubt)


def _first(figures: Any) -> str:
    """The figure that is watched; the rest is told at the end, and with --json."""
    return next((f"{name} {value:.4g}" for name, value in figures.items()), "")


def _plain(values: Any) -> Any:
    """JSON knows no number that is none."""
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    return None if isinstance(values, float) and not math.isfinite(values) else values

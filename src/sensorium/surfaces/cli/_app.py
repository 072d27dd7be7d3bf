"""The program: names of tasks and verbs, each loaded only when it is the one that was asked for."""

import os
import sys
from difflib import get_close_matches
from functools import cached_property
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sensorium.errors import InputError, NotFound
from sensorium.shelf import Shelf
from sensorium.surfaces.cli._out import Out, prepare_streams
from sensorium.tasks import TASKS
from sensorium.version import __version__


def _command_of(module: ModuleType) -> Any:
    """The command of a verb's file, with the file's docstring as its help."""
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    app = getattr(module, "app", None)
    if app is None:
        app = _app()
        app.command(name, help=module.__doc__)(module.command)
    elif not app.info.help:
        app.info.help = module.__doc__
    return typer.main.get_command(app)


def _app() -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode="markdown")


VERBS: Shelf[Any] = Shelf("sensorium.surfaces.cli", _command_of)


class Commands(TyperGroup):
    """Lists names and summaries without importing anything, and loads the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*TASKS, *(name for name in VERBS if name not in TASKS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What help and completion list: a name and a line about it."""
        return self._listed.get(cmd_name)

    @cached_property
    def _listed(self) -> dict[str, TyperCommand]:
        listed = {}
        for shelf, own in ((TASKS, "Ask"), (VERBS, "Keep house")):
            for name in shelf:
                panel = own if name in shelf.own else "From other packages"
                words = shelf.summary(name)
                listed[name] = TyperCommand(name, help=words, rich_help_panel=panel)
        return listed

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:
        return args[0], load(args[0]), args[1:]

    def invoke(self, ctx: Any) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        return code


def load(name: str) -> Any:
    """The command of that name, ready to run: a task's or a verb's, with the shared options."""
    if name in TASKS:
        from sensorium.surfaces.cli._task import function_of, help_of

        task = TASKS[name]
        app = _app()
        app.command(name, help=help_of(task))(function_of(task))
        command = typer.main.get_command(app)
    elif name in VERBS:
        command = VERBS[name]
    else:
        near = get_close_matches(name, [*TASKS, *VERBS], n=3)
        raise NotFound(f"there is no command “{name}”", hint=", ".join(near) or "sensorium --help")
    command.name = name
    return shared(command)


def shared(command: Any) -> Any:
    """Every command, and every command of a group, takes the options of `_options`."""
    for one in getattr(command, "commands", {}).values():
        shared(one)
    if not hasattr(command, "commands"):
        own = {flag for param in command.params for flag in param.opts}
        app = _app()
        app.command()(_options)
        params = typer.main.get_command(app).params
        command.params += [one for one in params if not own & set(one.opts)]
    return command


def _set(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    if value:
        setattr(Out.of(ctx), str(param.name), value)
    return value


def _device(name: str) -> None:
    if name:
        os.environ["SENSORIUM_DEVICE"] = name  # what is opened anywhere below asks there


_SHARED: dict[str, Any] = {
    "expose_value": False,
    "is_eager": True,
    "rich_help_panel": "Everywhere",
}


def _options(
    json: Annotated[
        bool,
        typer.Option("--json", callback=_set, help="Print JSON, one object a line.", **_SHARED),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", callback=_set, help="Show where an error came from.", **_SHARED
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            callback=_device,
            metavar="cpu|cuda|coreml|directml",
            help="Where models run.",
            autocompletion=lambda: ["cpu", "cuda", "coreml", "directml"],
            **_SHARED,
        ),
    ] = "",
) -> None:
    """The options that every command has."""


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sensorium {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="sensorium",
    cls=Commands,
    rich_markup_mode="markdown",
    epilog="Begin with `sensorium index ~/Pictures`, then `sensorium search 'two dogs on grass'`.",
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Sees, hears and reads on your own machine. Offline; nothing leaves it."""


def run(arguments: list[str]) -> int:
    """Run one command line; gives its exit code and prints what went wrong."""
    prepare_streams()
    out = Out(json="--json" in arguments, verbose="-v" in arguments)
    try:
        code = typer.main.get_command(app)(
            arguments or ["--help"], prog_name="sensorium", standalone_mode=False, obj=out
        )
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group by itself, which showed its help
            return 0
        if not _interrupted(error):
            return out.error(_usage(error))
        code = 130
    if code == 130:
        out.note("stopped")
    return code if isinstance(code, int) else 0


def _interrupted(error: BaseException | None) -> bool:
    """Ctrl-C while a compiled module is being loaded comes as the ImportError of that module."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def _usage(error: Exception) -> Exception:
    """What typer says of a command line that it cannot read, in our own words' shape."""
    if not hasattr(error, "format_message"):
        return error
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "sensorium"
    return InputError(error.format_message().rstrip("."), hint=f"{path} --help")

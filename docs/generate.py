"""Write what is generated: docs/cli.md (cli.head.md, then the real help), and the editors' stub.

python docs/generate.py           write both
python docs/generate.py --check   say which is not as it would be written; exit 1
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

os.environ["TYPER_USE_RICH"] = "0"  # before typer is imported: help as plain text
os.environ["COLUMNS"] = "88"

import typer

from sensorium.errors import SensoriumError
from sensorium.results import Result
from sensorium.roles import ROLES
from sensorium.surfaces.cli._app import VERBS, app, load
from sensorium.task import Item, Option, Resource, Task
from sensorium.tasks import TASKS

ROOT = Path(__file__).parent.parent


def cli() -> str:
    """Every command with its help."""
    program = typer.main.get_command(app)
    root = program.make_context("sensorium", [], resilient_parsing=True)
    head = (ROOT / "docs" / "cli.head.md").read_text("utf-8")
    parts = [head, block(program, root)]
    for name in [*TASKS.own, *VERBS.own]:
        parts += sections(load(name), name, root)
    return "\n".join(parts)


def sections(command: Any, name: str, above: Any) -> Iterator[str]:
    """A command, and what is below it where it is a group."""
    context = command.make_context(name, [], parent=above, resilient_parsing=True)
    depth = context.command_path.count(" ") + 1
    yield f"{'#' * depth} {context.command_path}\n\n{block(command, context)}"
    if hasattr(command, "list_commands"):
        for below in command.list_commands(context):
            try:
                _, one, _ = command.resolve_command(context, [below])
            except SensoriumError:  # it needs torch, which this page is not written with
                continue
            yield from sections(one, below, context)


def block(command: Any, context: Any) -> str:
    return f"```text\n{command.get_help(context).rstrip()}\n```\n"


def stub() -> str:
    """`sensorium/__init__.pyi`: the public names, and every task with its options."""
    tasks = [TASKS[name] for name in TASKS.own]
    classes = "\n\n".join(map(task_class, tasks))
    names = "\n".join(f"{one.name.replace('-', '_')}: _{camel(one)}" for one in tasks)
    results = ", ".join(Result.kinds)
    roles = ", ".join(role.__name__ for role in ROLES.values())
    head = STUB_HEAD.format(results=results, roles=roles)  # ruff takes out what no task names
    text = f"{head}\n{classes}\n\n{names}\n"
    return ruff(ruff(text, "check", "--fix", "--exit-zero", "--quiet"), "format")


def ruff(text: str, *how: str) -> str:
    command = [sys.executable, "-m", "ruff", *how, "--stdin-filename", "__init__.pyi", "-"]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


STUB_HEAD = '''"""Written by `make docs` out of the tasks' signatures; do not edit."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from sensorium import train as train
from sensorium.errors import SensoriumError as SensoriumError
from sensorium.flow import Failed as Failed
from sensorium.index import Index as Index
from sensorium.index import Query as Query
from sensorium.media import Audio as Audio
from sensorium.media import Image as Image
from sensorium.media import Media as Media
from sensorium.media import Span as Span
from sensorium.media import Text as Text
from sensorium.media import Video as Video
from sensorium.media import text as text
from sensorium.results import {results}
from sensorium.results import Result as Result
from sensorium.roles import {roles}
from sensorium.task import Event

__version__: str

# A path, words, encoded bytes, a Media, a PIL picture or a uint8 array (height, width, 3).
_Given = str | Path | bytes | Media | Any
'''


def task_class(task: Task) -> str:
    """A callable with `stream` and `map`, as a Task of these parameters is."""
    options = [keyword(one) for one in task.parameters if not isinstance(one, Item)]
    items = [positional(one) for one in task.items]
    star = ["*", *options] if options else []
    result = task.result.__name__
    both = ", ".join(["self", *items, *star])
    others = [positional(one) for one in task.items[1:]] + options
    each = ", ".join(["self", f"items: Iterable[{given(task.items[0])}]", "*", *others])
    told = indent(task.help, "    ").strip()
    return f'''class _{camel(task)}:
    """{told}"""

    def __call__({both}) -> {result}: ...
    def stream({both}) -> Generator[Event | {result}, None, None]: ...
    def map({each}) -> Iterator[{result} | Failed]: ...'''


def positional(item: Item) -> str:
    kind = f"Sequence[{given(item)}]" if item.many else given(item)
    return f"{item.name}: {kind}" + ("" if item.required else " = ...")


def given(item: Item) -> str:
    return "Query | _Given | Sequence[_Given]" if item.composed else "_Given"


def keyword(one: Option | Resource) -> str:
    match one:
        case Resource():
            return f"{one.name}: str | {one.type.__name__} | None = None"
        case Option(choices=(_, *_)):
            kind = f"Literal[{', '.join(map(repr, one.choices))}]"
        case Option(type=kind_) if hasattr(kind_, "of"):
            kind = "str | Any"
        case _:
            kind = one.type.__name__ + (" | str" if one.type not in (bool, int, float, str) else "")
    if one.many:
        kind = f"Sequence[{kind}]"
    if one.default is None:
        return f"{one.name}: {kind} | None = None"
    return f"{one.name}: {kind} = ..."


def camel(task: Task) -> str:
    return "".join(part.capitalize() for part in task.name.split("-"))


def main() -> int:
    """Write the files, or compare them."""
    made = {ROOT / "docs" / "cli.md": cli(), ROOT / "src" / "sensorium" / "__init__.pyi": stub()}
    stale = 0
    for path, text in made.items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv:
            sys.stdout.write(f"{path.relative_to(ROOT)} is stale: make docs\n")
        else:
            path.write_text(text, "utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return int("--check" in sys.argv and stale > 0)


if __name__ == "__main__":
    sys.exit(main())

"""List libraries, look into one, export or delete it."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sensorium.errors import InputError, NotFound
from sensorium.index import Index, LibraryInfo, libraries, remove_library
from sensorium.index.export import FORMATS
from sensorium.surfaces.cli._out import Out
from sensorium.tasks._kept import forget_kept

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the library.")]
app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """Names, files and sizes of all libraries."""
    out = Out.of(ctx)
    names = libraries()
    if not names:
        out.note("there is no library yet: sensorium index ~/Pictures")
    for name in names:
        told = _info(name)
        if out.json:
            out.record(_record(told))
        else:
            files = sum(count for (_, state), count in told.items.items() if state == "ok")
            noun = "file " if files == 1 else "files"
            out.show(f"[bold]{name:<20}[/bold] {files:>9,} {noun}   {size(told.bytes)}")


@app.command()
def info(ctx: typer.Context, name: Name = "default") -> None:
    """What a library holds: files by kind and state, models, folders."""
    out = Out.of(ctx)
    told = _info(name)
    if out.json:
        out.record(_record(told))
        return
    rows = [("library", told.name), ("folder", str(told.folder)), ("size", size(told.bytes))]
    rows += [(f"{kind}, {state}", f"{n:,}") for (kind, state), n in sorted(told.items.items())]
    if told.felt is not None:
        rows.append(("emotions", f"found in {told.felt:,} file{'' if told.felt == 1 else 's'}"))
    for model in told.models:
        used = "" if model.current else " (not used by searches)"
        rows.append(("model", f"{model.spec}@{model.revision}, {model.vectors:,} vectors{used}"))
    rows += [("indexed", str(root)) for root in told.roots]
    out.table(rows)


@app.command()
def duplicates(
    ctx: typer.Context,
    name: Name = "default",
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Cosine from which two pictures are one."),
    ] = None,
) -> None:
    """Groups of files that show the same, an empty line between them."""
    out = Out.of(ctx)
    _info(name)
    with Index(name) as index:
        for place, group in enumerate(index.duplicates(threshold)):
            if out.json:
                out.record({"type": "Duplicates", "paths": [str(path) for path in group]})
                continue
            if place:
                out.line("")
            for path in group:
                out.row(path)


@app.command()
def rm(
    ctx: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a library. The files that it knew are not touched."""
    out = Out.of(ctx)
    told = _info(name)
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"“{name}” was not deleted", "nobody is here to ask", "--yes")
        typer.confirm(f"Delete the library “{name}” ({size(told.bytes)})?", abort=True, err=True)
    remove_library(name)
    if out.json:
        out.record({"type": "Deleted", "library": name, "bytes": told.bytes})
    else:
        out.note(f"deleted {name}; the files it knew are where they were")


@app.command()
def forget(
    ctx: typer.Context,
    name: Name,
    emotion: Annotated[
        bool, typer.Option("--emotion", help="What was derived about people: emotions, faces.")
    ] = False,
) -> None:
    """Delete what tasks found, without a trace in the library; the files are not touched.

    With --emotion also what cut-off runs of `sensorium emotion` had kept to go on from.
    """
    out = Out.of(ctx)
    _info(name)
    if not emotion:
        raise InputError("nothing was forgotten", "what to forget was not named", "--emotion")
    forget_kept()
    with Index(name) as index:
        count = index.forget_people()
    if out.json:
        out.record({"type": "Forgotten", "library": name, "notes": count})
    else:
        notes = "1 reading" if count == 1 else f"{count:,} readings"
        out.note(f"forgot {notes} of emotion in {name}")


@app.command()
def export(
    ctx: typer.Context,
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file, or a folder.")],
    format: Annotated[
        str,
        typer.Option(
            metavar="|".join(FORMATS), help="What to write; of a table the suffix says it."
        ),
    ] = "",
) -> None:
    """Write a library's files as a table, or put them into a folder as copies or links.

    A row has path, kind, state, size, time, place and camera.
    """
    out = Out.of(ctx)
    _info(name)
    with Index(name) as index:
        rows = index.export(path, format)
    if out.json:
        out.record({"type": "Written", "library": name, "path": str(path), "rows": rows})
    else:
        what = "files" if path.is_dir() else "rows"
        out.note(f"wrote {rows:,} {what} to {path}")


def _info(name: str) -> LibraryInfo:
    """Raises NotFound: looking must not make a library."""
    if name not in libraries():
        raise NotFound(f"there is no library “{name}”", hint=", ".join(libraries()))
    with Index(name) as index:
        return index.info()


def _record(told: LibraryInfo) -> dict[str, object]:
    items = [{"kind": k, "state": s, "files": n} for (k, s), n in sorted(told.items.items())]
    return {
        "type": "Library",
        "name": told.name,
        "folder": str(told.folder),
        "version": told.version,
        "bytes": told.bytes,
        "items": items,
        "felt": told.felt,
        "models": [asdict(model) for model in told.models],
        "roots": [str(root) for root in told.roots],
    }


def size(count: int) -> str:
    """Bytes, as people say it."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"

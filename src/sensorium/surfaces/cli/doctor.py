"""Look at this machine, or at a library: what is there, what is missing, which files are bad."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from typing import Annotated, Any

import typer

from sensorium.errors import NotFound, SensoriumError
from sensorium.index import Entry, Index, State, libraries
from sensorium.runtime.catalogue import catalogue
from sensorium.runtime.devices import chosen, threads
from sensorium.runtime.home import home
from sensorium.runtime.hub import resolve
from sensorium.runtime.onnx import available
from sensorium.spec import Named
from sensorium.surfaces.cli._out import Out
from sensorium.surfaces.cli.libraries import size
from sensorium.version import __version__

_PACKAGES = ("numpy", "onnxruntime", "faiss-cpu", "av", "pillow", "tokenizers", "huggingface-hub")


def command(
    ctx: typer.Context,
    library: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look at this library, not at the machine.")
    ] = None,
) -> None:
    out = Out.of(ctx)
    if library is not None:
        _library(library, out)
    elif out.json:
        out.record({"type": "Machine", **machine()})
    else:
        out.table(list(_rows(machine())))


def machine() -> dict[str, Any]:
    """Facts about this machine that explain what works here."""
    folder = home()
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    return {
        "sensorium": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "devices": [str(one) for one in available()],
        "device": str(chosen()),
        "threads": threads(),
        "home": str(folder),
        "writable": os.access(there, os.W_OK),
        "free": shutil.disk_usage(there).free,
        "libraries": libraries(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "extras": extras(),
        "models": {name: model(name) for name in catalogue()},
    }


def model(name: str) -> str:
    """Its revision here; where it is not here, what to type."""
    try:
        return resolve(Named(name)).revision
    except SensoriumError as error:
        return f"not here: {error.hint or error.why or error.what}"


def extras() -> dict[str, bool]:
    """Our extras, and whether all that they ask for is installed."""
    told = metadata.metadata("sensorium")
    wanted: dict[str, list[str]] = {name: [] for name in told.get_all("Provides-Extra") or ()}
    for line in told.get_all("Requires-Dist") or ():
        package, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if package and extra and package[0] != "sensorium":
            wanted[extra[1]].append(package[0])
    return {name: all(map(_installed, packages)) for name, packages in wanted.items() if packages}


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("sensorium", "python", "system"):
        yield name, facts[name]
    used = f"{facts['device']} is used, {facts['threads']} threads"
    yield "devices", f"{', '.join(facts['devices'])}; {used}"
    yield "home", facts["home"] + ("" if facts["writable"] else "  (cannot be written)")
    yield "disk", f"{size(facts['free'])} free"
    yield "libraries", ", ".join(facts["libraries"]) or "none yet"
    yield "packages", "  ".join(f"{name} {found}" for name, found in facts["packages"].items())
    here = [name for name, found in facts["extras"].items() if found]
    missing = [name for name, found in facts["extras"].items() if not found]
    yield "extras", ", ".join(here) or "none"
    for name in missing:
        yield "", f'{name} is not installed: pip install "sensorium[{name}]"'
    for name, found in facts["models"].items():
        yield "model", f"{name}  {found}"


def _library(name: str, out: Out) -> None:
    """The files that are bad, with the reason, those that are not here, and those that were odd."""
    if name not in libraries():
        raise NotFound(f"there is no library “{name}”", hint=", ".join(libraries()))
    with Index(name) as index:
        told = (State.BAD, State.ABSENT)
        entries = [one for one in index if one.state in told or one.note]
        count = len(index)
        waiting = sum(one.state is State.LISTED for one in index)
    for entry in entries:
        if out.json:
            out.record(_record(entry))
        else:
            out.row(entry.state, entry.path, entry.reason or entry.note or "it is not here now")
    bad = sum(entry.state is State.BAD for entry in entries)
    by_name = f", {waiting:,} by name alone" if waiting else ""
    out.note(f"{name}: {count:,} can be found{by_name}, {bad:,} cannot be read")


def _record(entry: Entry) -> dict[str, object]:
    return {
        "type": "Entry",
        "path": str(entry.path),
        "kind": str(entry.kind),
        "state": str(entry.state),
        "reason": entry.reason,
        "note": entry.note,
    }

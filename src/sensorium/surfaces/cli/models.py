"""List models, fetch, choose and remove them, write them as ONNX."""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorium.errors import InputError, ModelMissing, NotFound
from sensorium.flow import Progress
from sensorium.models import family_of, role_name
from sensorium.roles import ROLES
from sensorium.runtime.catalogue import BUILTIN, Row, catalogue, row_named, row_of
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.home import choose, settings
from sensorium.runtime.hub import cached, remove, resolve
from sensorium.spec import Named, parse_spec
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out

Spec = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name, hf:org/repo@revision or dir:path.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
app = typer.Typer(add_completion=False, no_args_is_help=True)


@dataclass(frozen=True)
class Listed:
    """state: `built in`, `installed`, `here` (in the Hub's cache), `to fetch`, `to install`,
    `folder`, or `missing` where a chosen folder is gone.
    chosen: the roles that it is used for. megabytes: on disk, or to fetch; 0 where unknown."""

    name: str
    spec: str
    state: str
    serves: tuple[str, ...]
    chosen: tuple[str, ...]
    megabytes: float
    licence: str
    figures: str = ""
    source: str = ""
    note: str = ""


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """What is built in, here, suggested, and chosen for each task."""
    out = Out.of(ctx)
    for one in listed():
        if out.json:
            out.record({"type": "Model", **asdict(one)})
            continue
        mark = "[green]●[/green]" if one.chosen else " "
        size = f"{max(one.megabytes, 1):,.0f} MB" if one.megabytes else ""
        out.show(f"{mark} [bold]{one.name:<22}[/bold] {one.state:<11} {size:>9}  {one.licence}")
        for words in (one.note, f"{one.figures} — {one.source}" if one.figures else ""):
            if words:
                out.show(f"  [dim]{words}[/dim]")
    out.note("● chosen; sensorium models info MODEL says more")


@app.command()
def info(ctx: typer.Context, model: Spec) -> None:
    """What a model is, where it lies, what it serves, where its figures are from."""
    out = Out.of(ctx)
    row = row_named(model) or row_of(parse_spec(model))
    try:
        checkpoint: Checkpoint | None = resolve(parse_spec(model))
    except ModelMissing:
        if row is None:
            raise
        checkpoint = None
    told = {**(_about_row(row) if row else {}), **(_about(checkpoint) if checkpoint else {})}
    told = {"model": model, **told}
    if out.json:
        out.record({"type": "ModelInfo", **told})
        return
    out.table([(name, _words(value)) for name, value in told.items() if value])
    if checkpoint is None and row is not None:
        out.note(f"not on this machine: {_how_to_get(row)}")


@app.command()
def pull(ctx: typer.Context, model: Spec) -> None:
    """Fetch a model from the Hub; go on where a stopped pull was. Nothing else ever downloads."""
    from sensorium.runtime.pull import pull as fetch

    out = Out.of(ctx)
    checkpoint = None
    with Meter(out, f"pull {model}") as meter, closing(fetch(parse_spec(model))) as work:
        while checkpoint is None:
            try:
                done, total = next(work)
            except StopIteration as end:
                checkpoint = end.value
            else:
                meter.move(Progress(done // 1_000_000, total // 1_000_000, "MB"))
    family = family_of(checkpoint)
    if out.json:
        out.record({"type": "Pulled", "model": model, **_about(checkpoint)})
    else:
        out.note(f"{checkpoint.spec} is here: {checkpoint.folder}")
        out.note(f"a {family.name}; sensorium models use {model} makes searches use it")


@app.command()
def use(
    ctx: typer.Context,
    model: Spec,
    role: Annotated[
        str, typer.Option("--for", metavar="ROLE", help=f"One of {', '.join(ROLES)}.")
    ] = "",
) -> None:
    """Choose the model that tasks use; libraries keep the one that indexed them."""
    out = Out.of(ctx)
    row = row_named(model)
    model = row.name if row else model
    serves = [role_name(one) for one in family_of(_named(model)).roles]
    role = role or serves[0]
    if role not in ROLES:
        raise NotFound(f"there is no role “{role}”", hint=", ".join(ROLES))
    if role not in serves:
        raise InputError(f"{model} is no {role}", f"it serves as {', '.join(serves)}")
    choose("models", role, model)
    if out.json:
        out.record({"type": "Chosen", "role": role, "model": model})
    else:
        out.note(f"{model} is the {role} from now on")


@app.command()
def rm(ctx: typer.Context, model: Spec, yes: Yes = False) -> None:
    """Delete a model from the Hub's cache, which other programs may share."""
    from sensorium.runtime.pull import hub_repo

    out = Out.of(ctx)
    spec = hub_repo(parse_spec(model))
    where = resolve(spec).folder
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"{model} was not deleted", "nobody is here to ask", "--yes")
        typer.confirm(f"Delete {spec} from {where}?", abort=True, err=True)
    freed = remove(spec)
    if out.json:
        out.record({"type": "Removed", "model": str(spec), "megabytes": round(freed, 1)})
    else:
        out.note(f"deleted {spec}: {freed:,.0f} MB are free")


@app.command()
def export(
    ctx: typer.Context,
    model: Spec,
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    int8: Annotated[bool, typer.Option("--int8", help="Quantize weights to 8 bits.")] = False,
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A parquet file of pictures and captions to compare on."),
    ] = None,
) -> None:
    """Write a model as ONNX files that open without torch, and say what that changed."""
    from sensorium.train.export_towers import export as write

    out = Out.of(ctx)
    pairs = list(_pairs(sample)) if sample else []
    made = write(parse_spec(model), folder, int8, pairs)
    if out.json:
        drift = asdict(made.drift) if made.drift else None
        told = {"folder": str(made.folder), "megabytes": round(made.megabytes, 1), "drift": drift}
        out.record({"type": "Exported", "model": model, "int8": int8, **told})
        return
    rows = [("folder", f"dir:{made.folder}"), ("size", f"{made.megabytes:,.0f} MB")]
    if made.drift:
        for kind in ("image", "text"):
            mean, least = getattr(made.drift, f"{kind}_cosine")
            rows.append((f"{kind} cosine", f"{mean:.4f} in the mean, {least:.4f} at least"))
        for way, (before, after) in made.drift.recall.items():
            rows.append((f"R@1, {way}", f"{before:.1%} → {after:.1%} of {made.drift.n} pairs"))
    out.table(rows)
    if int8 and not made.drift:
        out.note("nothing was compared: --sample FILE measures what quantizing changed")


def listed() -> Iterator[Listed]:
    """Rows of the catalogue, what else the Hub's cache holds, and folders that were chosen."""
    chosen = {role: str(spec) for role, spec in settings().get("models", {}).items()}
    here = {str(one.checkpoint.spec): one for one in cached()}
    for row in catalogue().values():
        known = here.pop(row.spec, None)
        roles = tuple(
            role
            for role in row.serves
            if chosen.get(role, role) in {row.name, row.spec or row.name}
        )
        state = _state(row, known is not None)
        size = known.megabytes if known else row.megabytes or _disk_size(row)
        about = (row.figures, row.source, row.note)
        yield Listed(
            row.name, row.spec, state, row.serves, roles, round(size, 1), row.licence, *about
        )
    for spec, one in here.items():
        try:
            serves = tuple(role_name(role) for role in family_of(one.checkpoint).roles)
        except InputError:
            continue  # a model of another trade, fetched by another program
        roles = tuple(role for role in serves if chosen.get(role) == spec)
        size = round(one.megabytes, 1)
        yield Listed(spec, spec, "here", serves, roles, size, one.checkpoint.licence)
    for spec in sorted({spec for spec in chosen.values() if spec.startswith("dir:")}):
        roles = tuple(role for role in chosen if chosen[role] == spec)
        folder = Path(spec.removeprefix("dir:"))
        state = "folder" if folder.is_dir() else "missing"
        yield Listed(spec, spec, state, roles, roles, round(_megabytes(folder), 1), "")


def _state(row: Row, here: bool) -> str:
    if row.folder:
        return "built in" if (BUILTIN / row.folder).is_dir() else "missing"
    if not row.package:
        return "here" if here else "to fetch"
    try:
        resolve(Named(row.name))
    except ModelMissing:
        return "to install"
    return "installed"


def _disk_size(row: Row) -> float:
    return _megabytes(BUILTIN / row.folder) if row.folder else 0.0


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _how_to_get(row: Row) -> str:
    if row.package:
        return row.install
    if row.folder:
        return "its files are not installed; --model dir:FOLDER"
    return f"sensorium models pull {row.name}"


def _named(model: str) -> Checkpoint:
    """The checkpoint that a name stands for, whatever is chosen in its place now."""
    row = row_named(model)
    return resolve(row.model_spec if row and row.spec else parse_spec(model))


def _about_row(row: Row) -> dict[str, Any]:
    told = {name: value for name, value in asdict(row).items() if value and name != "folder"}
    told.pop("name")
    return told


def _about(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "spec": str(checkpoint.spec),
        "folder": str(checkpoint.folder),
        "revision": checkpoint.revision,
        "licence": checkpoint.licence,
        "megabytes": round(_megabytes(checkpoint.folder), 1),
        "family": family_of(checkpoint).name,
        "serves": [role_name(role) for role in family_of(checkpoint).roles],
    }


def _words(value: Any) -> str:
    match value:
        case list() | tuple():
            return ", ".join(map(str, value))
        case float():
            return f"{value:,g}"
        case _:
            return str(value)


def _pairs(path: Path) -> Iterator[tuple[Any, str]]:
    """Pictures with their first caption, of a file as `sensorium evaluate search` reads it."""
    from sensorium.evaluate._table import Table
    from sensorium.media import Image, Media

    for row in Table.of(path).rows(["image"], ["captions_en", "captions_zh"]):
        captions = [*(row.values.get("captions_en") or []), *(row.values.get("captions_zh") or [])]
        if captions and row.values["image"]:
            picture = Media.of(row.values["image"], Image)
            assert isinstance(picture, Image)
            yield picture.pixels(), captions[0]

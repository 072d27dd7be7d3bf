"""Bring a library up to date with folders: what is new is read, what is known is not read again.

Without a path, all folders that were indexed before. Ctrl-C keeps what is done; the same command
goes on from there. A file that cannot be read is passed by and listed by `sensorium doctor`.
"""

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorium.errors import InputError, ModelMissing, NotFound, SensoriumError
from sensorium.flow import Progress
from sensorium.index import Index, libraries
from sensorium.index.adding import Added
from sensorium.index.annotating import Annotator, WholeAnnotator
from sensorium.index.felt import TASK, felt_in
from sensorium.index.survey import require_there
from sensorium.index.watch import watching
from sensorium.media import Kind
from sensorium.models import open as open_model
from sensorium.models import provenance
from sensorium.results.codec import encode
from sensorium.roles import ROLES, DualTower
from sensorium.surfaces.cli._meter import Meter
from sensorium.surfaces.cli._out import Out
from sensorium.task import Task
from sensorium.tasks import TASKS


def command(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files and folders.")
    ] = None,
    library: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the library; made where there is none.")
    ] = "default",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="Another model than the library's own or the chosen one."
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave out, by name or path below; may be repeated."),
    ] = None,
    every: Annotated[
        float,
        typer.Option(min=1, max=3600, help="Of a video, a frame every so many seconds at least."),
    ] = 10.0,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="TASK", help="Also keep what a task finds: read, emotion."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and follow what changes.")] = False,
) -> None:
    out = Out.of(ctx)
    annotators = [annotator(name) for name in with_ or ()]
    if library not in libraries():  # a slip of the pen makes none
        require_there(paths or ())
        open_model(model, DualTower)
    with Index(library) as index:
        run = partial(
            watching if watch else _once,
            index,
            paths or (),
            model=model,
            exclude=exclude or (),
            every=every,
            annotators=annotators,
        )
        try:
            _follow(run(), index, out)
        except KeyboardInterrupt:
            out.note("what is done is kept; the same command goes on from there")
            raise


def annotator(name: str) -> Annotator:
    """A task of one picture that looks at every item of a library, or one of whole files whose
    timelines it sums up."""
    if name not in TASKS:
        raise NotFound(f"there is no task “{name}”", hint=", ".join(TASKS))
    task = TASKS[name]
    roles = [one.opened.default for one in task.resources if one.opened.kind == "model"]
    if task.name == TASK:
        return _of_emotion(task, roles)
    if len(task.items) != 1 or len(roles) != 1 or roles[0] not in ROLES:
        raise InputError(f"“{name}” cannot run along", "it wants more than a picture and a model")
    made = provenance(None, ROLES[roles[0]])
    return Annotator(name, f"{made.model}@{made.revision}", task)


def _of_emotion(task: Task, roles: Sequence[str]) -> WholeAnnotator:
    """With the models that are here, on what they can read; where others are, it is run anew."""
    here: dict[str, str] = {}
    for role in roles:
        with suppress(SensoriumError):
            made = provenance(None, ROLES[role])
            here[role] = f"{role}={made.model}@{made.revision}"
    kinds = {kind for kind, ways in _READ_BY.items() if any(way <= here.keys() for way in ways)}
    if not kinds:
        why = "no model that reads them is on this machine"
        raise ModelMissing("emotions cannot be read", why, "sensorium models list")
    used = {role for ways in _READ_BY.values() for way in ways for role in way}
    spec = " ".join(made for role, made in here.items() if role in used)
    return WholeAnnotator(task.name, spec, task, kinds, felt_in)


_VOICE = frozenset({"audio-classifier", "speech-detector"})
_FACES = frozenset({"face-classifier", "face-detector"})
_READ_BY = {
    Kind.TEXT: (frozenset({"text-classifier"}),),
    Kind.AUDIO: (_VOICE,),
    Kind.IMAGE: (_FACES,),
    Kind.VIDEO: (_VOICE, _FACES),
}
"""Roles that must be filled for a kind of file, in one of several ways."""


def _once(
    index: Index, paths: Sequence[Path], **how: Any
) -> Generator[Progress | Added, None, None]:
    yield (yield from index.adding(paths, **how))


def _follow(run: Generator[Progress | Added, None, None], index: Index, out: Out) -> None:
    with Meter(out, f"indexing {index.name}") as meter, closing(run) as events:
        for event in events:
            match event:
                case Progress():
                    meter.move(event)
                case Added():
                    meter.above(partial(_tell, event, index, out))


def _tell(added: Added, index: Index, out: Out) -> None:
    """What a run did: one line, and what could not be walked."""
    if out.json:
        out.record({"type": "Added", "library": index.name, **encode(added)})
        return
    for skipped in added.skipped:
        out.note(f"passed by {skipped.path}: {skipped.reason}")
    out.show(summary(added))
    if added.bad:
        out.note(f"which and why: sensorium doctor --library {index.name}")


def summary(added: Added) -> str:
    """The counts that are not zero, in one line."""
    counts = {
        "new": added.new,
        "known by another name": added.known,
        "unchanged": added.unchanged,
        "bad": added.bad,
        "found by name alone": added.listed,
        "deleted": added.removed,
        "not here now": added.absent,
    }
    told = [f"{count:,} {name}" for name, count in counts.items() if count] or ["nothing"]
    if added.felt is not None:
        told.append(f"emotions found in {added.felt:,}")
    rate = f", {added.done / added.seconds:.0f} a second" if added.done and added.seconds else ""
    files = "1 file" if added.seen == 1 else f"{added.seen:,} files"
    return f"{files}: {', '.join(told)}   (indexed in {added.seconds:.1f} s{rate})"

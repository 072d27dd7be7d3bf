"""Survey: what lies below some paths, against what a library knows of it. Reads no file."""

import os
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sensorium.errors import InputError, NotFound
from sensorium.flow import Progress
from sensorium.index.item import State
from sensorium.index.reading import disk_of
from sensorium.index.store import Known, Store
from sensorium.media.folder import Found, Skipped, walk

_EVERY = 1000  # files between two words of progress


@dataclass
class Survey:
    """roots: absolute paths as asked. todo: new and changed files. seen: ids of items that are
    still where they were. back: those of them that were absent. moved: disks by the name they had
    → the names that their files' folders have now (a disk may be renumbered when it is mounted)."""

    roots: list[str]
    todo: dict[str, Found] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    back: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: int = 0
    moved: dict[str, set[str]] = field(default_factory=dict)
    renumbered: dict[str, list[int]] = field(default_factory=dict)

    @property
    def files(self) -> int:
        return len(self.todo) + self.unchanged


def surveying(
    store: Store, paths: Iterable[Path | str], exclude: Sequence[str], model: int
) -> Generator[Progress, None, Survey]:
    """paths: files and folders; none for all that were indexed before.

    Raises NotFound for a path that is not there and of which the library knows nothing below.
    """
    survey = Survey(_roots(store, paths))
    here = [Path(root) for root in survey.roots if os.path.lexists(root)]
    folder, disk = "", ""
    for found in walk(here, exclude):
        if isinstance(found, Skipped):
            survey.skipped.append(found)
            continue
        path = str(found.path)
        if path in survey.todo:
            continue
        if (parent := os.path.dirname(path)) != folder:  # noqa: PTH120 (a million times)
            folder, disk = parent, disk_of(parent)
        _compare(survey, found, store.known(path, model), disk)
        if survey.files % _EVERY == 0:
            yield Progress(survey.files, 0, "files seen")
    return survey


def _roots(store: Store, paths: Iterable[Path | str]) -> list[str]:
    roots = [os.path.abspath(Path(path).expanduser()) for path in paths]  # noqa: PTH100
    if not roots:  # of those of before, one that is missing only has its files marked
        if not (known := store.roots()):
            why = "no folder was named, now or before"
            raise InputError("nothing to index", why, hint="sensorium index ~/Pictures")
        return known
    require_there(root for root in roots if not any(store.under(root)))
    return list(dict.fromkeys(roots))


def require_there(paths: Iterable[Path | str]) -> None:
    """Raises NotFound."""
    for path in paths:
        if not os.path.lexists(Path(path).expanduser()):
            raise NotFound(f"{path} does not exist", "nothing is there under that name")


def _compare(survey: Survey, found: Found, known: Known | None, disk: str) -> None:
    if known is not None:
        if known.id in survey.seen:
            return
        survey.seen.add(known.id)
        if known.disk != disk:
            survey.moved.setdefault(known.disk, set()).add(disk)
            survey.renumbered.setdefault(disk, []).append(known.id)
        if (known.size, known.modified) == (found.size, found.modified_ns) and _is_done(known):
            survey.unchanged += 1
            if known.state is State.ABSENT:
                survey.back.append(known.id)
            return
    survey.todo[str(found.path)] = found


def _is_done(known: Known) -> bool:
    """A bad file without a content could not even be opened: permissions change without a trace."""
    match known.state:
        case State.OK | State.ABSENT:
            return known.embedded
        case State.LISTED:
            return True
        case State.BAD:
            return known.content is not None

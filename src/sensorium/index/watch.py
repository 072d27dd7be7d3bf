"""Watching: a library that follows its folders."""

import os
import threading
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sensorium.errors import NotFound
from sensorium.flow import Progress
from sensorium.media.folder import is_left_out
from sensorium.media.kind import kind_of

if TYPE_CHECKING:
    from sensorium.index.adding import Added
    from sensorium.index.annotating import Annotator
    from sensorium.index.index import Index
    from sensorium.roles import DualTower
    from sensorium.spec import ModelSpec

_DEBOUNCE = 1600  # milliseconds over which changes are gathered
_PULSE = 500  # milliseconds between looks at `stop`


def watching(
    index: "Index",
    paths: Iterable[Path | str] = (),
    *,
    model: "DualTower | ModelSpec | str | None" = None,
    exclude: Sequence[str] = (),
    every: float = 10.0,
    annotators: "Sequence[Annotator]" = (),
    stop: threading.Event | None = None,
) -> "Generator[Progress | Added, None, None]":
    """Bring the library up to date with `paths` (none: all that were indexed before), then keep it
    so: an Added after every burst of changes. Ends when `stop` is set or the generator is closed.
    """
    from watchfiles import watch

    roots = [Path(path).expanduser().absolute() for path in paths or index.store.roots()]

    def add(changed: Iterable[Path | str]) -> "Generator[Progress | Added, None, None]":
        added = yield from index.adding(
            changed, model=model, exclude=exclude, every=every, annotators=annotators
        )
        yield added

    changes = watch(
        *(root for root in roots if root.exists()),
        watch_filter=None,
        debounce=_DEBOUNCE,
        rust_timeout=_PULSE,
        yield_on_timeout=True,
        stop_event=stop,
        ignore_permission_denied=True,
    )
    next(changes, None)  # from now on nothing is missed
    yield from add(roots)
    for change in changes:
        touched = sorted({Path(path) for _, path in change})
        while asked := list(_asked(index, touched, roots, exclude)):
            try:
                yield from add(asked)
                break
            except NotFound:  # something vanished since it was asked for
                continue


def _asked(
    index: "Index", touched: Iterable[Path], roots: Sequence[Path], exclude: Sequence[str]
) -> Generator[Path | str, None, None]:
    """What is to be indexed anew: files and folders that are there, items that are not."""
    for path in touched:
        root = next((one for one in roots if path.is_relative_to(one)), None)
        if root is None or is_left_out(path, root, exclude):
            continue
        if not os.path.lexists(path):
            yield from (item for _, item, _ in index.store.under(str(path)))
        elif path.is_dir() or kind_of(path) is not None:
            yield path

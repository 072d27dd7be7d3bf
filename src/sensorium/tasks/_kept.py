"""What was found so far, on disk, so that a long run that was cut off goes on from there.

A file a sense in `SENSORIUM_HOME/partial`, a line of JSON each thing that was found; it is deleted
when the run ends, and when it is older than `DAYS`.
"""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from sensorium.results.codec import decode, dumps, encode
from sensorium.runtime.home import home

Mark = TypeVar("Mark")

DAYS = 30
"""What was left behind is kept for so long."""
_VERSION = 1  # of the lines
_ALL = "emotion-*.jsonl"


class Kept:
    """item: what was read, by its content and stretch; empty where nothing is to be kept. resume:
    whether what lies there is used; else a run begins anew."""

    def __init__(self, item: str, resume: bool) -> None:
        self._item, self._resume = item, resume
        self._files: dict[str, IO[str]] = {}
        self._useful: set[str] = set()  # files with a mark, from which a run can go on
        self._folder = _folder()

    def load(
        self, name: str, key: str, kinds: tuple[type, ...], mark: type[Mark]
    ) -> tuple[list[object], list[Mark]]:
        """What a sense had found, and its marks: everything before the last of them is found."""
        if not self._item:
            return [], []
        path = self._path(name, key)
        found, marks, length = _read(path, kinds, mark) if self._resume else ([], [], 0)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        file = path.open("r+" if marks else "w", encoding="utf-8")
        file.truncate(length)
        file.seek(length)
        self._files[name] = file
        if marks:
            self._useful.add(name)
        return found, marks

    def add(self, name: str, one: object, whole: bool) -> None:
        """One more thing; `whole`: everything up to here is found, and goes to disk."""
        file = self._files.get(name)
        if file is not None:
            file.write(dumps({"type": type(one).__name__, **encode(one)}) + "\n")
            if whole:
                file.flush()
                self._useful.add(name)

    def close(self) -> None:
        """What is of use to a later run stays."""
        for name, file in self._files.items():
            file.close()
            if name not in self._useful:
                Path(file.name).unlink(missing_ok=True)

    def remove(self) -> None:
        for file in self._files.values():
            file.close()
            with suppress(OSError):
                Path(file.name).unlink()

    def _path(self, name: str, key: str) -> Path:
        mark = hashlib.blake2b(f"{_VERSION}\0{self._item}\0{key}".encode(), digest_size=12)
        return self._folder / f"emotion-{name}-{mark.hexdigest()}.jsonl"

    def _sweep(self) -> None:
        for path in self._folder.glob(_ALL):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > DAYS * 86_400:
                    path.unlink()


def is_kept_since(moment: float) -> bool:
    """Whether a run that was cut off after `moment`, in seconds since 1970, left something from
    which `resume` goes on."""
    told = (path.stat() for path in _folder().glob(_ALL))
    return any(one.st_mtime >= moment and one.st_size > 0 for one in told)


def forget_kept() -> None:
    """Delete what runs that were cut off had found."""
    for path in _folder().glob(_ALL):
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return home() / "partial"


def _read(
    path: Path, kinds: tuple[type, ...], mark: type[Mark]
) -> tuple[list[object], list[Mark], int]:
    """What stands before the last mark, the marks, and where in the file that one ends."""
    table = {kind.__name__: kind for kind in kinds}
    found: list[object] = []
    waiting: list[object] = []
    marks: list[Mark] = []
    place = length = 0
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return [], [], 0
    for line in lines:
        place += len(line)
        try:
            data = json.loads(line)
            kind = data.pop("type")
        except (ValueError, KeyError, AttributeError):  # cut off while it was written
            break
        if kind == mark.__name__:
            found += waiting
            waiting, length = [], place
            marks.append(decode(mark, data))
        else:
            waiting.append(decode(table[kind], data))
    return found, marks, length

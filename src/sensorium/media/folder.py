"""Walking folders: every file of ours below some paths, one at a time, in a steady order."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sensorium.errors import NotFound
from sensorium.media.kind import Kind, kind_of, kind_of_file

# What systems and storage boxes keep for themselves, beside names that begin with a dot.
_SYSTEM = frozenset(
    "@eaDir #recycle #snapshot @Recycle @Recently-Snapshot $RECYCLE.BIN $Recycle.Bin "
    "lost+found __MACOSX".split()
) | {"System Volume Information"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file of ours. kind: by its suffix, but a GIF that moves is a video. size in bytes."""

    path: Path
    kind: Kind
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be walked, and why, in words for a person."""

    path: Path
    reason: str


def walk(
    paths: Iterable[Path], exclude: Sequence[str] = (), hidden: bool = False
) -> Iterator[Found | Skipped]:
    """Files of the kinds that we read, depth first, sorted by name within a folder.

    A path that names a file is taken whatever its name. Only the entries of the folders on the way
    down are held, so that millions of files need no memory.
    exclude: globs, against a name (`*.tmp`, `cache`) and against the path below the root
    (`2019/*/raw`); `*` crosses folders. hidden: also dot names and folders of the system.
    Raises NotFound, before anything is yielded, for a path that is not there.
    """
    roots = [Path(path).expanduser() for path in paths]
    for root in roots:
        if not os.path.lexists(root):
            raise NotFound(f"{root} does not exist", "nothing is there under that name")
    return _walk_roots(roots, _Choice(tuple(exclude), hidden))


def is_left_out(path: Path, root: Path, exclude: Sequence[str] = ()) -> bool:
    """Whether a walk of `root` passes by `path`, which lies below it."""
    choice = _Choice(tuple(exclude), hidden=False)
    parts = path.relative_to(root).parts
    return any(
        choice.leaves_out(name, "/".join(parts[: number + 1])) for number, name in enumerate(parts)
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    exclude: tuple[str, ...]
    hidden: bool

    def leaves_out(self, name: str, below: str) -> bool:
        if not self.hidden and (name.startswith(".") or name in _SYSTEM):
            return True
        return any(fnmatchcase(name, glob) or fnmatchcase(below, glob) for glob in self.exclude)


def _walk_roots(roots: list[Path], choice: _Choice) -> Iterator[Found | Skipped]:
    seen: set[tuple[int, int]] = set()
    for root in roots:
        try:
            facts = root.stat()
        except OSError as error:
            yield Skipped(root, _why(error))
            continue
        if stat.S_ISDIR(facts.st_mode):
            yield from _walk_folder(root, "", choice, seen)
        elif stat.S_ISREG(facts.st_mode):
            yield from _file(root, facts, kind_of(root))


def _walk_folder(
    folder: Path, below: str, choice: _Choice, seen: set[tuple[int, int]]
) -> Iterator[Found | Skipped]:
    """seen: (device, inode) of folders entered, so that a link back up, or a folder reached twice,
    is walked once."""
    stack = [(folder, below)]
    while stack:
        folder, below = stack.pop()
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in seen:
                continue
            seen.add((facts.st_dev, facts.st_ino))
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(folder, _why(error))
            continue
        folders = []
        for entry in listed:
            inside = f"{below}{entry.name}"
            if choice.leaves_out(entry.name, inside):
                continue
            if _is_folder(entry):
                folders.append((folder / entry.name, f"{inside}/"))
            elif (kind := kind_of(entry.name)) is not None:
                yield from _entry(folder / entry.name, entry, kind)
        stack.extend(reversed(folders))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entry(path: Path, entry: "os.DirEntry[str]", kind: Kind) -> Iterator[Found | Skipped]:
    try:
        facts = entry.stat()
    except OSError as error:
        yield Skipped(path, "it is a link to nothing" if entry.is_symlink() else _why(error))
        return
    if stat.S_ISREG(facts.st_mode):
        yield from _file(path, facts, kind)


def _file(path: Path, facts: os.stat_result, kind: Kind | None) -> Iterator[Found | Skipped]:
    """kind: by the suffix; the bytes are asked where it tells too little."""
    try:
        str(path).encode("utf-8")
        if kind is None or path.suffix.lower() == ".gif":
            kind = kind_of_file(path)
    except UnicodeEncodeError:
        yield Skipped(path, "its name is not valid text and cannot be kept")
    except OSError as error:
        yield Skipped(path, _why(error))
    else:
        if kind is not None:
            yield Found(path, kind, facts.st_size, facts.st_mtime_ns)


def _why(error: OSError) -> str:
    match error:
        case PermissionError():
            return "no permission to read it"
        case FileNotFoundError():
            return "it vanished meanwhile"
    return (error.strerror or str(error)).lower()

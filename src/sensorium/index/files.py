"""Derived files beside the library: written whole or not at all, gone when nobody maps them."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOUR = 3_600


@contextmanager
def replacing(path: Path, like: Path) -> Iterator[str]:
    """The name of a file to write, which then becomes `path`; who can read `like` can read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    os.close(handle)
    try:
        yield name
        Path(name).chmod(like.stat().st_mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def clear_left(folder: Path, pattern: str) -> None:
    """Remove what a process that was killed as it wrote has left; others may be writing now."""
    for left in folder.glob(pattern):
        unlink(left, older_than=_HOUR)


def unlink(path: Path, older_than: float = 0.0) -> None:
    """older_than: seconds since it was last written."""
    try:
        if time.time() - path.stat().st_mtime >= older_than:
            path.unlink()
    except OSError:  # gone by now; or Windows keeps what somebody has mapped, till the next time
        return

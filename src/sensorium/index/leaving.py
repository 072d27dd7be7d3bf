"""Leaving: files that a library knows and a walk did not meet. Deleted, or not here now?

A file is gone when the folder that held it, or the nearest one above that still is, lies on the
disk that the file was on. It is absent, and kept, when that folder lies on another disk (the mount
point of one that is not mounted), when a folder that was to be indexed is missing or quite empty
(so does a disk look that was never mounted), and when nothing can be told (no permission).
A file that is there but was left out of the walk stays as it is.
"""

import os
from dataclasses import dataclass, field

from sensorium.index.reading import disk_of
from sensorium.index.store import Store
from sensorium.index.survey import Survey


@dataclass
class Left:
    """Ids of items: deleted, and not here now."""

    gone: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)


def find_left(store: Store, survey: Survey) -> Left:
    left = Left()
    for root in survey.roots:
        unmounted = _is_unmounted(root)
        for id, path, disk in store.under(root):
            if id in survey.seen:
                continue
            survey.seen.add(id)  # one item may lie under two of the roots
            match _is_there(path):
                case True:
                    continue
                case None:
                    left.absent.append(id)
                case False:
                    away = (unmounted and path != root) or not _same_disk(path, disk, survey.moved)
                    (left.absent if away else left.gone).append(id)
    return left


def _is_unmounted(root: str) -> bool:
    """A folder that is missing, or empty, as a mount point is when nothing is mounted there."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except NotADirectoryError:
        return False
    except OSError:
        return True


def _is_there(path: str) -> bool | None:
    """None where the system does not tell."""
    try:
        os.lstat(path)
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None


def _same_disk(path: str, disk: str, moved: dict[str, set[str]]) -> bool:
    folder = os.path.dirname(path)  # noqa: PTH120
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):  # noqa: PTH120
        folder = os.path.dirname(folder)  # noqa: PTH120
    return not disk or disk_of(folder) in {disk} | moved.get(disk, set())

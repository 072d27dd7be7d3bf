"""Forgetting: files that a person takes out, and what was computed of files that are no more."""

import os
from collections.abc import Iterable
from pathlib import Path

from sensorium.errors import Busy, NotFound
from sensorium.index.felt import TASK
from sensorium.index.store import Store

PEOPLE = (TASK,)
"""Tasks that find something about people: what is felt, and faces with their boxes."""


def remove(store: Store, paths: Iterable[Path | str]) -> int:
    """Drop items at and below `paths`, and what was computed of contents that no item has now.

    Raises NotFound, and drops nothing, where the library knows nothing at one of them.
    """
    places = [os.path.abspath(Path(path).expanduser()) for path in paths]  # noqa: PTH100
    with store.transaction() as db:
        ids: set[int] = set()
        for place in places:
            below = {id for id, _, _ in store.under(place)}
            if not below and place not in store.roots():
                raise NotFound(f"{place} is not in the library", "nothing at or below it is known")
            ids |= below
            store.drop_roots(place)
        contents = set()
        for id in ids:
            row = db.execute("SELECT content FROM items WHERE id = ?", (id,)).fetchone()
            contents.add(row[0])
        store.drop_items(ids)
        store.forget(contents - {None})
    return len(ids)


def compact(store: Store) -> None:
    """Drop what no item has any more, and write the file anew, without its gaps."""
    with store.transaction():
        store.forget_orphans()
    _rewrite(store)


def forget_people(store: Store) -> int:
    """Drop all that was derived about people, so that nothing of it is left in the file; how many
    notes there were.

    Raises Busy where another program reads the library: it would keep the old pages.
    """
    marks = ", ".join("?" * len(PEOPLE))
    with store.transaction() as db:
        db.execute(f"DELETE FROM lines WHERE source IN ({marks})", PEOPLE)
        db.execute("DELETE FROM felt")
        count = db.execute(f"DELETE FROM notes WHERE task IN ({marks})", PEOPLE).rowcount
    if not _rewrite(store):
        raise Busy(
            f"traces are left in the library {store.path.parent.name}",
            "another program reads it just now",
            "close it, and run this again",
        )
    return count


def _rewrite(store: Store) -> bool:
    """Write the file anew, without its gaps; False where what stood there before is still kept
    beside it, for somebody reads it."""
    store.db.execute("INSERT INTO words (words) VALUES ('optimize')")
    store.db.execute("VACUUM")
    busy, _, _ = store.db.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchone()
    return not busy

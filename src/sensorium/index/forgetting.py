"""Forgetting: files that a person takes out, and what was computed of files that are no more."""

import os
from collections.abc import Iterable
from pathlib import Path

from sensorium.errors import NotFound
from sensorium.index.store import Store


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
    store.db.execute("INSERT INTO words (words) VALUES ('optimize')")
    store.db.execute("VACUUM")
    store.db.execute("PRAGMA wal_checkpoint (TRUNCATE)")

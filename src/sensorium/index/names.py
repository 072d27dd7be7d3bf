"""Names: which files' names say what is asked."""

import os
import sqlite3
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from sensorium.index.words import asked, coverage, plain

_MOST = 1_000  # a word that more names have says nothing of any
_PIECE = 100_000  # rows that SQLite joins at once: a string of its may have 1 GB
_PATHS = "SELECT group_concat(path, char(0)) FROM items WHERE id > ? AND id <= ?"
_LAST = "SELECT id, path FROM items ORDER BY id DESC LIMIT 1"


class Names:
    """The names of a library's files, as one string that a search goes through whole; files that
    were removed since may be among them. A path that a cold search asks costs it a quarter of a
    microsecond, so nothing is done to one alone."""

    def __init__(self, paths: list[str], last: tuple[int, str] = (0, "")) -> None:
        """last: (id, path) of the newest row."""
        self._paths = paths
        self._last = last
        names = [path.rpartition(os.sep)[2] for path in paths]
        text = "\0".join(names)
        self._text = text.lower() if text.isascii() else "\0".join(map(plain, names))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(name) + 1 for name in self._text.split("\0")))

    def renewed(self, db: sqlite3.Connection) -> "Names":
        """With the files that were added since.

        A file keeps its row, and ids are used again only from the highest down: while the newest
        row is still there, no other has become another file.
        """
        last: tuple[int, str] = db.execute(_LAST).fetchone() or (0, "")
        if last == self._last:
            return self
        row = db.execute("SELECT path FROM items WHERE id = ?", (self._last[0],)).fetchone()
        kept = row is not None and row[0] == self._last[1]
        start = self._last[0] if kept else 0
        pieces = [db.execute(_PATHS, (at, at + _PIECE)) for at in range(start, last[0], _PIECE)]
        found = "\0".join(text for piece in pieces if (text := piece.fetchone()[0]))
        newer = found.split("\0") if found else []
        return Names([*self._paths, *newer] if kept else newer, last)

    def saying(self, text: str, enough: float) -> list[str]:
        """Paths whose file's name says at least that part of the asked words' letters, best
        first."""
        places = {place for word in asked(text) for place in self._having(word)}
        found = [(coverage(text, [stem(self._paths[place])]), place) for place in places]
        best = sorted((-part, place) for part, place in found if part >= enough)
        return [self._paths[place] for _, place in best]

    def _having(self, word: str) -> list[int]:
        places, at = list[int](), self._text.find(word)
        while at >= 0:
            place = bisect_right(self._ends, at)
            places.append(place)
            if len(places) > _MOST:
                return []
            at = self._text.find(word, self._ends[place])
        return places


def stem(path: str) -> str:
    """A file's name without its suffix."""
    name = path[path.rfind(os.sep) + 1 :]
    return name[: name.rfind(".")] if "." in name[1:] else name

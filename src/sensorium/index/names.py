"""Names: which files' names say what is asked."""

import os
import sqlite3
from bisect import bisect_right
from itertools import accumulate

from sensorium.index.words import asked, coverage, plain

_MOST = 1_000  # a word that more names have says nothing of any


class Names:
    """The names of a library's files, as one string that a search goes through whole."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths
        stems = [plain(_stem(path)) for path in paths]
        self._text = "\n".join(stems)
        self._ends = list(accumulate(len(stem) + 1 for stem in stems))

    @classmethod
    def read(cls, db: sqlite3.Connection) -> "Names":
        rows = db.execute("SELECT path FROM items WHERE state IN ('ok', 'listed') ORDER BY id")
        return cls([path for (path,) in rows.fetchall()])

    def saying(self, text: str, enough: float) -> list[str]:
        """Paths whose file's name says at least that part of the asked words' letters, best
        first."""
        places = {place for word in asked(text) for place in self._having(word)}
        found = [(coverage(text, [_stem(self._paths[place])]), place) for place in places]
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


def _stem(path: str) -> str:
    name = path[path.rfind(os.sep) + 1 :]
    return name[: name.rfind(".")] if "." in name[1:] else name

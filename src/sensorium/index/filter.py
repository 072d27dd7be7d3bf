"""Filter: which items a search looks at, by what their own metadata says."""

import math
import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.media import Kind
from sensorium.results.timeline import Emotion

EARTH_RADIUS = 6371.0088  # kilometres, mean (IUGG)

Condition = tuple[str, list[Any]]


@dataclass(frozen=True)
class Near:
    """A place: degrees north and east, and kilometres about it."""

    latitude: float
    longitude: float
    kilometres: float

    def __post_init__(self) -> None:
        inside = abs(self.latitude) <= 90 and abs(self.longitude) <= 180
        if not (inside and 0 < self.kilometres < math.inf):
            raise InputError(
                f"“{self}” is no place",
                why="latitude is -90 to 90, longitude -180 to 180, the distance above 0",
                hint="48.85,2.35,5 is 5 km about Paris",
            )

    @classmethod
    def of(cls, text: str) -> "Near":
        """`latitude,longitude,kilometres`, as in `48.85,2.35,5`."""
        try:
            latitude, longitude, kilometres = (float(part) for part in text.split(","))
        except ValueError:
            raise InputError(
                f"“{text}” is no place",
                why="three numbers are wanted: latitude,longitude,kilometres",
                hint="48.85,2.35,5 is 5 km about Paris",
            ) from None
        return cls(latitude, longitude, kilometres)

    def __str__(self) -> str:
        return f"{self.latitude:g},{self.longitude:g},{self.kilometres:g}"

    def where(self) -> Condition:
        """A box that an index can use, then the true distance (`teach` gives SQLite the word)."""
        north = math.degrees(self.kilometres / EARTH_RADIUS)
        sql = "items.latitude BETWEEN ? AND ?"
        values: list[Any] = [self.latitude - north, self.latitude + north]
        east = self._degrees_east(north)
        if east < 180:
            low, high = self.longitude - east, self.longitude + east
            # Beyond 180° the box goes on from the other side.
            stretches = [(low, high), (low + 360, 180.0), (-180.0, high - 360)]
            used = [one for one in stretches if one[0] <= one[1]]
            sql += f" AND ({' OR '.join(['items.longitude BETWEEN ? AND ?'] * len(used))})"
            values += [end for one in used for end in one]
        sql += " AND kilometres(items.latitude, items.longitude, ?, ?) <= ?"
        return sql, [*values, self.latitude, self.longitude, self.kilometres]

    def _degrees_east(self, north: float) -> float:
        """Half the width of the box that holds the circle; 180 where the circle holds a pole."""
        if abs(self.latitude) + north >= 90:
            return 180.0
        ratio = math.sin(math.radians(north)) / math.cos(math.radians(self.latitude))
        return math.degrees(math.asin(min(1.0, ratio)))


@dataclass(frozen=True)
class Filter:
    """All that is given must hold; an empty filter lets everything through.

    since, until: days, both included, of the day it was taken; of the file's own date where
        nothing says when that was.
    near: only items that know where they were taken.
    camera: a part of the camera's name, in any case.
    path: a glob over the whole path, in which `*` passes `/` too; one that does not begin with
        `/` or `*` may begin at any folder.
    emotions: of an item of which any of them was read (`--with emotion`): in a scene, in a voice or
        text as a whole, in a picture or one of its faces. Of a video only such scenes are found.
    """

    kinds: tuple[Kind, ...] = ()
    since: date | None = None
    until: date | None = None
    near: Near | None = None
    camera: str = ""
    path: str = ""
    emotions: tuple[Emotion, ...] = ()

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise InputError(f"{self.since} is after {self.until}", "nothing lies between them")

    def __bool__(self) -> bool:
        return self != Filter()

    def where(self) -> Condition:
        """An SQL condition over the table `items`, and its values; `1` where all may pass."""
        held: list[Condition] = []
        if self.kinds:
            marks = ", ".join("?" * len(self.kinds))
            held.append((f"items.kind IN ({marks})", [kind.value for kind in self.kinds]))
        if self.since:
            held.append((f"{_DAY} >= ?", [self.since.isoformat()]))
        if self.until:
            held.append((f"{_DAY} < ?", [_next(self.until)]))
        if self.near:
            held.append(self.near.where())
        if self.camera:
            held.append(("items.camera LIKE ? ESCAPE '\\'", [f"%{_escaped(self.camera)}%"]))
        if self.path:
            held.append(("items.path GLOB ?", [_anywhere(self.path)]))
        if self.emotions:
            held.append(_felt(self.emotions, "SELECT content", "items.content"))
        return _all(held)

    def where_span(self) -> Condition:
        """A further condition over `spans s`, where a query has them."""
        if not self.emotions:
            return "1", []
        sql, values = _felt(self.emotions, "SELECT content, span", "(s.content, s.id)")
        whole, again = _felt(self.emotions, "SELECT content, span", "(s.content, 0)")
        return f"{sql} OR {whole}", [*values, *again]


def _all(held: list[Condition]) -> Condition:
    return (
        " AND ".join(f"({sql})" for sql, _ in held) or "1",
        [value for _, values in held for value in values],
    )


def _felt(emotions: tuple[Emotion, ...], select: str, key: str) -> Condition:
    """That `key` is among what feels like that."""
    marks = ", ".join("?" * len(emotions))
    return f"{key} IN ({select} FROM felt WHERE label IN ({marks}))", list(emotions)


_DAY = "coalesce(items.taken, datetime(items.modified / 1000000000, 'unixepoch', 'localtime'))"


def teach(db: sqlite3.Connection) -> None:
    """Give `db` the function that `Filter.where` calls: kilometres between two places."""
    try:
        db.execute("SELECT kilometres(0, 0, 0, 0)")
    except sqlite3.OperationalError:  # not yet; SQLite gives none anew while a statement runs
        db.create_function("kilometres", 4, kilometres, deterministic=True)


def kilometres(latitude: float, longitude: float, north: float, east: float) -> float:
    """Great-circle distance between two places in degrees (haversine, good at small distances)."""
    a, b = math.radians(latitude), math.radians(north)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(east - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


def _next(day: date) -> str:
    """The day after, as ISO text; past the end of the calendar everything is before it."""
    return "~" if day == date.max else (day + timedelta(days=1)).isoformat()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _anywhere(glob: str) -> str:
    glob = str(Path(glob).expanduser()) if glob.startswith("~") else glob
    return glob if glob.startswith(("/", "*")) else f"*/{glob}"

"""Candidates: what a search has in hand before it becomes hits, looked up in the library."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sensorium.index.filter import Filter, teach
from sensorium.index.names import stem
from sensorium.index.vectors import Numbers
from sensorium.index.words import coverage, match
from sensorium.media import Kind, Span
from sensorium.roles import Floats

WORDS_ASKED = 2 / 3
"""Part of the asked words' letters that a content must say to count as found by its words."""
_LINES = 1_000  # how many of full text's best lines are looked at

_VECTORS = """
SELECT v.id, s.start, s.stop, v.value, s.content, items.kind, items.path
FROM vectors v JOIN spans s ON s.id = v.span JOIN items ON items.content = s.content
WHERE v.id IN (SELECT value FROM json_each(?)) AND items.state = 'ok' AND ({where}) AND ({span})
ORDER BY items.id"""
# CROSS JOIN keeps SQLite's planner from starting at the vectors, which are all rows of a model.
_ALLOWED = """
SELECT v.id FROM items CROSS JOIN spans s ON s.content = items.content
    CROSS JOIN vectors v ON v.span = s.id
WHERE v.model = ? AND items.state = 'ok' AND ({where}) AND ({span})"""
_WORDS = """
SELECT l.source, l.text, l.left, l.top, l.right, l.bottom, s.start, s.stop,
    s.content, items.kind, items.path
FROM words JOIN lines l ON l.id = words.rowid JOIN spans s ON s.id = l.span
    JOIN items ON items.content = s.content
WHERE words MATCH ? AND items.state IN ('ok', 'listed') AND ({where}) AND ({span})
ORDER BY rank, items.id LIMIT ?"""
_NAMED = """
SELECT items.content, items.kind, items.path FROM items JOIN json_each(?) given
    ON items.path = given.value
WHERE items.content IS NOT NULL AND items.state IN ('ok', 'listed') AND ({where})
ORDER BY given.id"""
_PASSAGE = """
SELECT l.text FROM vectors v JOIN lines l ON l.span = v.span
WHERE v.id = ? AND l.source = 'text' ORDER BY l.id LIMIT 1"""
_MOMENTS = """
SELECT s.start, s.stop, v.value FROM spans s JOIN vectors v ON v.span = s.id
WHERE s.content = ? AND v.model = ? AND ({span}) ORDER BY s.start"""
_COUNTS = """
SELECT items.kind, count(*) FROM items
WHERE items.state IN ('ok', 'listed') AND ({where}) GROUP BY items.kind"""


@dataclass(frozen=True)
class Moment:
    """One span, found by its vector. score: cosine. standing: how far that is above what unrelated
    things of its kind have (see `ranking`). value: its vector."""

    vector: int
    score: float
    standing: float
    when: Span | None
    value: Floats


@dataclass(frozen=True)
class Line:
    """A line of words that matched. source: `text`, or the annotator that read it."""

    source: str
    text: str
    box: tuple[float, float, float, float] | None
    when: Span | None


@dataclass
class Candidate:
    """One content.

    paths: files that have it. moments: best first; none where words alone found it. lines: that
    matched, best first. named: the file's name matched. coverage: part of the asked words' letters
    that the lines, or the name, say. duplicates: files of other contents that show the same.
    """

    content: bytes
    kind: Kind
    paths: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    coverage: float = 0.0
    named: bool = False
    duplicates: list[str] = field(default_factory=list)

    @property
    def best(self) -> Moment | None:
        return self.moments[0] if self.moments else None


Candidates = dict[bytes, Candidate]
"""By content, best first."""


class Lookup:
    """Looks things up among the items that are present and pass a filter."""

    def __init__(self, db: sqlite3.Connection, chosen: Filter, model: int) -> None:
        if chosen.near:
            teach(db)
        self._db = db
        self._where, self._values = chosen.where()
        self._span, self._span_values = chosen.where_span()
        self._model = model

    def counts(self) -> Counter[Kind]:
        """Items that pass, of each kind."""
        rows = self._db.execute(_COUNTS.format(where=self._where), self._values)
        return Counter({Kind(kind): count for kind, count in rows})

    def allowed(self) -> Numbers:
        """Vector ids of what passes."""
        sql = _ALLOWED.format(where=self._where, span=self._span)
        values = (self._model, *self._values, *self._span_values)
        rows = self._db.execute(sql, values).fetchall()
        return np.array([row[0] for row in rows], np.int64)

    def by_vectors(self, ids: Numbers, scores: Floats, standings: Floats) -> Candidates:
        """Those of the rows `ids` that are still there, by the best standing of their content."""
        sql = _VECTORS.format(where=self._where, span=self._span)
        given = (json.dumps(ids.tolist()), *self._values, *self._span_values)
        rows = self._db.execute(sql, given).fetchall()
        places = {int(id): place for place, id in enumerate(ids)}
        found: Candidates = {}
        seen = set[int]()
        for id, start, stop, value, *item in rows:
            candidate = _add(found, *item)
            if id not in seen:
                seen.add(id)
                score, standing = float(scores[places[id]]), float(standings[places[id]])
                vector = np.frombuffer(value, "<f2").astype(np.float32)
                candidate.moments.append(Moment(id, score, standing, _span(start, stop), vector))
        for candidate in found.values():
            candidate.moments.sort(key=lambda moment: (-moment.standing, moment.vector))
        return dict(sorted(found.items(), key=lambda one: -one[1].moments[0].standing))

    def by_words(self, text: str) -> Candidates:
        """What says enough of the words of `text`: by how much of them, then by BM25 of the best
        line (FTS5's `rank`)."""
        expression = match(text)
        if not expression:
            return {}
        sql = _WORDS.format(where=self._where, span=self._span)
        given = (expression, *self._values, *self._span_values, _LINES)
        found: Candidates = {}
        for row in self._db.execute(sql, given).fetchall():
            source, said, left, top, right, bottom, start, stop, *item = row
            box = None if left is None else (left, top, right, bottom)
            line = Line(source, said, box, _span(start, stop))
            candidate = _add(found, *item)
            if line not in candidate.lines:
                candidate.lines.append(line)
        for candidate in found.values():
            candidate.coverage = coverage(text, (line.text for line in candidate.lines))
        ordered = sorted(found.items(), key=lambda one: -one[1].coverage)
        return {content: one for content, one in ordered if one.coverage >= WORDS_ASKED}

    def by_names(self, paths: Iterable[str], text: str) -> Candidates:
        """The items at `paths`, in that order, whose names say something of `text`."""
        sql = _NAMED.format(where=self._where)
        found: Candidates = {}
        for item in self._db.execute(sql, (json.dumps(list(paths)), *self._values)).fetchall():
            candidate = _add(found, *item)
            candidate.named = True
            candidate.coverage = max(candidate.coverage, coverage(text, [stem(item[-1])]))
        return found

    def passage(self, vector: int) -> str:
        """What the text says whose vector that is."""
        row = self._db.execute(_PASSAGE, (vector,)).fetchone()
        return str(row[0]) if row else ""

    def moments(self, content: bytes) -> list[tuple[Span | None, Floats]]:
        """(when, vector) of every scene of a video or passage of a text; one of a picture."""
        sql = _MOMENTS.format(span=self._span)
        rows = self._db.execute(sql, (content, self._model, *self._span_values)).fetchall()
        return [
            (_span(start, stop), np.frombuffer(value, "<f2").astype(np.float32))
            for start, stop, value in rows
        ]


def _add(found: Candidates, content: bytes, kind: str, path: str) -> Candidate:
    candidate = found.setdefault(content, Candidate(content, Kind(kind)))
    if path not in candidate.paths:
        candidate.paths.append(path)
    return candidate


def _span(start: float | None, stop: float | None) -> Span | None:
    return None if start is None else Span(start, start if stop is None else stop)

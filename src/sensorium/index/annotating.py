"""Annotating: what tasks find in the items of a library, kept. A pass of its own, after adding."""

import sqlite3
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sensorium.flow import Progress
from sensorium.index.felt import TASK as FELT
from sensorium.index.reading import reason_of
from sensorium.index.store import SpanKey, Store
from sensorium.index.words import tokens
from sensorium.media import Audio, Image, Kind, Media, Span, Text, Video
from sensorium.results import Boxes, Result, Timeline
from sensorium.results.timeline import UNKNOWN

_SECONDS = 2.0  # between commits
READ = "read"
"""The task whose boxes are words: a search finds them."""

# A picture as a whole; of a video every scene, by the frame that stands for it.
_PENDING = """
SELECT i.content, 0, min(i.path), i.kind, NULL FROM items i
WHERE i.state = 'ok' AND i.kind = 'image' AND NOT EXISTS (
    SELECT 1 FROM notes n
    WHERE n.content = i.content AND n.span = 0 AND n.task = ?1 AND n.spec = ?2)
GROUP BY i.content
UNION ALL
SELECT s.content, s.id, min(i.path), i.kind, s.at FROM items i JOIN spans s ON s.content = i.content
WHERE i.state = 'ok' AND i.kind = 'video' AND NOT EXISTS (
    SELECT 1 FROM notes n
    WHERE n.content = s.content AND n.span = s.id AND n.task = ?1 AND n.spec = ?2)
GROUP BY s.id ORDER BY 3, 5"""
_PENDING_WHOLE = """
SELECT i.content, 0, min(i.path), i.kind, NULL FROM items i
WHERE i.state IN ('ok', 'listed') AND i.content IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM notes n WHERE n.content = i.content AND n.task = ?1 AND n.spec = ?2)
GROUP BY i.content ORDER BY 3"""
_SCENES = """
SELECT id, start, stop FROM spans WHERE content = ? AND stop > start ORDER BY start"""
_MEDIA: dict[str, type[Media]] = {
    Kind.IMAGE: Image,
    Kind.VIDEO: Video,
    Kind.AUDIO: Audio,
    Kind.TEXT: Text,
}


@dataclass(frozen=True, slots=True)
class _Pending:
    """span: 0 for the whole of a file."""

    content: bytes
    span: int
    path: str
    kind: str
    at: float | None

    @property
    def whole(self) -> Media:
        return _MEDIA[self.kind](Path(self.path))

    @property
    def media(self) -> Image | Video:
        if self.kind == Kind.IMAGE:
            return Image(Path(self.path))
        return Video(Path(self.path), Span(self.at or 0.0, self.at or 0.0))


@dataclass(frozen=True)
class Annotator:
    """task: its name, under which notes are kept. spec: of the model that `run` asks, with its
    revision where it has one: another spec is another note. run: one picture, or a video whose
    span is one moment, to what is found in it."""

    task: str
    spec: str
    run: Callable[[Any], Result]

    def pending(self, store: Store) -> Iterator[_Pending]:
        """What it has not seen."""
        return (_Pending(*row) for row in store.db.execute(_PENDING, (self.task, self.spec)))

    def results(self, store: Store, pending: _Pending) -> Iterator[tuple[int, Result]]:
        """Of which span it found what."""
        yield pending.span, self.run(pending.media)

    def make_room(self, db: sqlite3.Connection, content: bytes) -> None:
        """Drop what a new note of a content stands for."""


@dataclass(frozen=True)
class WholeAnnotator(Annotator):
    """One whose `run` is given a whole file of one of `kinds`. part: what it gave, to what of it is
    kept of one scene, or of all (None). Notes of another spec make room for the new ones."""

    kinds: Collection[Kind]
    part: Callable[[Result, Span | None], Result]

    def pending(self, store: Store) -> Iterator[_Pending]:
        rows = store.db.execute(_PENDING_WHOLE, (self.task, self.spec))
        return (one for one in (_Pending(*row) for row in rows) if one.kind in self.kinds)

    def results(self, store: Store, pending: _Pending) -> Iterator[tuple[int, Result]]:
        """A note each scene of a video, one of anything else."""
        result = self.run(pending.whole)
        scenes = store.db.execute(_SCENES, (pending.content,)).fetchall()
        if pending.kind != Kind.VIDEO or not scenes:
            yield pending.span, self.part(result, None)
            return
        for span, start, stop in scenes:
            yield span, self.part(result, Span(start, stop))

    def make_room(self, db: sqlite3.Connection, content: bytes) -> None:
        if self.task == FELT:
            db.execute(
                "DELETE FROM felt WHERE content = ?1 AND EXISTS ("
                "SELECT 1 FROM notes WHERE content = ?1 AND task = ?2 AND spec != ?3)",
                (content, self.task, self.spec),
            )
        db.execute(
            "DELETE FROM notes WHERE content = ? AND task = ? AND spec != ?",
            (content, self.task, self.spec),
        )


@dataclass(frozen=True, slots=True)
class _Note:
    """What an annotator gave of one picture or moment, or why it gave nothing."""

    pending: _Pending
    annotator: Annotator
    result: Result | None
    reason: str


def annotating(
    store: Store, annotators: Sequence[Annotator]
) -> Generator[Progress, None, int | None]:
    """Run every annotator on what it has not seen; in how many contents an emotion was found, None
    where none was looked for.

    A failure is a note with its reason, and is not tried again. Closing the generator keeps what is
    done.
    """
    todo = [(one, work) for one in annotators for work in one.pending(store)]
    made: list[_Note] = []
    felt = 0
    since = time.monotonic()
    try:
        for number, (annotator, pending) in enumerate(todo):
            yield Progress(number, len(todo), "annotations")
            if Path(pending.path).exists():
                new = _notes(store, annotator, pending)
                felt += any(map(_names_emotion, new))
                made += new
            if time.monotonic() - since > _SECONDS:
                _keep(store, made)
                since = time.monotonic()
    finally:
        _keep(store, made)
    if todo:
        yield Progress(len(todo), len(todo), "annotations")
    return felt if any(annotator.task == FELT for annotator, _ in todo) else None


def _names_emotion(note: _Note) -> bool:
    found = note.result
    return (
        note.annotator.task == FELT
        and isinstance(found, Timeline)
        and any(one.label != UNKNOWN for one in found.evidence)
    )


def _notes(store: Store, annotator: Annotator, pending: _Pending) -> list[_Note]:
    try:
        found = list(annotator.results(store, pending))
    except Exception as error:  # an annotator may be anybody's
        return [_Note(pending, annotator, None, reason_of(error))]
    return [_Note(replace(pending, span=span), annotator, one, "") for span, one in found]


def _keep(store: Store, notes: list[_Note]) -> None:
    if notes:
        with store.transaction() as db:
            for note in notes:
                note.annotator.make_room(db, note.pending.content)
                _write(store, db, note)
        notes.clear()


def _write(store: Store, db: sqlite3.Connection, note: _Note) -> None:
    pending, annotator = note.pending, note.annotator
    db.execute(
        "INSERT OR REPLACE INTO notes (content, span, task, spec, result, reason)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            pending.content,
            pending.span,
            annotator.task,
            annotator.spec,
            note.result.to_json() if note.result else "",
            note.reason,
        ),
    )
    if annotator.task == READ and isinstance(note.result, Boxes):
        span = pending.span or store.put_span(SpanKey(pending.content, 0))[0]
        # The last reader's words stand for the picture: two readings would count twice.
        db.execute("DELETE FROM lines WHERE span = ? AND source = ?", (span, READ))
        for box in note.result.boxes:
            store.put_line(span, READ, box.label, tokens(box.label), box.xyxy)
    if annotator.task == FELT and isinstance(note.result, Timeline):
        for label in {one.label for one in note.result.evidence}:
            row = (pending.content, pending.span, label)
            db.execute("INSERT OR IGNORE INTO felt (content, span, label) VALUES (?, ?, ?)", row)

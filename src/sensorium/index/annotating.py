"""Annotating: what tasks find in the items of a library, kept. A pass of its own, after adding."""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.flow import Progress
from sensorium.index.reading import reason_of
from sensorium.index.store import SpanKey, Store
from sensorium.index.words import tokens
from sensorium.media import Image, Kind, Span, Video
from sensorium.results import Boxes, Result

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


@dataclass(frozen=True)
class Annotator:
    """task: its name, under which notes are kept. spec: of the model that `run` asks, with its
    revision where it has one: another spec is another note. run: one picture, or a video whose
    span is one moment, to what is found in it."""

    task: str
    spec: str
    run: Callable[[Image | Video], Result]


@dataclass(frozen=True, slots=True)
class _Pending:
    """span: 0 for the whole of a picture."""

    content: bytes
    span: int
    path: str
    kind: str
    at: float | None

    @property
    def media(self) -> Image | Video:
        if self.kind == Kind.IMAGE:
            return Image(Path(self.path))
        return Video(Path(self.path), Span(self.at or 0.0, self.at or 0.0))


@dataclass(frozen=True, slots=True)
class _Note:
    """What an annotator gave of one picture or moment, or why it gave nothing."""

    pending: _Pending
    annotator: Annotator
    result: Result | None
    reason: str


def annotating(store: Store, annotators: Sequence[Annotator]) -> Generator[Progress, None, int]:
    """Run every annotator on what it has not seen; how many notes were made.

    A failure is a note with its reason, and is not tried again. Closing the generator keeps what is
    done.
    """
    todo = [(one, work) for one in annotators for work in _pending(store, one)]
    made: list[_Note] = []
    since = time.monotonic()
    try:
        for number, (annotator, pending) in enumerate(todo):
            yield Progress(number, len(todo), "annotations")
            if Path(pending.path).exists():
                made.append(_note(annotator, pending))
            if time.monotonic() - since > _SECONDS:
                _keep(store, made)
                since = time.monotonic()
    finally:
        _keep(store, made)
    if todo:
        yield Progress(len(todo), len(todo), "annotations")
    return len(todo)


def _pending(store: Store, annotator: Annotator) -> Iterator[_Pending]:
    rows = store.db.execute(_PENDING, (annotator.task, annotator.spec)).fetchall()
    return (_Pending(*row) for row in rows)


def _note(annotator: Annotator, pending: _Pending) -> _Note:
    try:
        return _Note(pending, annotator, annotator.run(pending.media), "")
    except Exception as error:  # an annotator may be anybody's
        return _Note(pending, annotator, None, reason_of(error))


def _keep(store: Store, notes: list[_Note]) -> None:
    if notes:
        with store.transaction() as db:
            for note in notes:
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

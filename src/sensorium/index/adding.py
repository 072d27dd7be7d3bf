"""Adding: walk, read what is new, embed it, keep it.

Files are decoded in threads, one a core; the network runs in the caller's thread; what it gives is
committed every two seconds. Stopped at any moment, the next run goes on from there.
"""

import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sensorium.flow import Failed, Flow, Progress
from sensorium.flow.threads import IDLE, Threads
from sensorium.index.item import Item, State
from sensorium.index.leaving import find_left
from sensorium.index.ledger import Ledger
from sensorium.index.reading import Copy, Piece, Reading, Whole, item_of, reason_of
from sensorium.index.store import Store
from sensorium.index.survey import Survey, surveying
from sensorium.media.folder import Found, Skipped
from sensorium.roles import DualTower
from sensorium.runtime.devices import threads

BATCH = 16
_FIRST = 4  # before it is known how fast the network is
_AHEAD = 64 << 20  # bytes of prepared pictures that may wait for the network
_PATIENCE = 2.0  # seconds that a piece waits for others to make a full batch


@dataclass
class Added:
    """What a run did, in files, each counted once but for removed and absent.

    new: embedded. known: their content was embedded before, under another name or as a copy.
    unchanged: not even read. bad: cannot be read; the library lists them with the reason.
    listed: wait for a model of their kind. removed: deleted since. absent: their disk is not here.
    felt: in which an emotion was found, files that are equal counted once; None where none was
    looked for. skipped: what could not be walked, and why.
    """

    seen: int = 0
    new: int = 0
    unchanged: int = 0
    known: int = 0
    bad: int = 0
    listed: int = 0
    removed: int = 0
    absent: int = 0
    felt: int | None = None
    seconds: float = 0.0
    skipped: tuple[Skipped, ...] = ()

    @property
    def done(self) -> int:
        return self.new + self.known + self.bad + self.listed


def adding(
    store: Store,
    paths: Iterable[Path | str],
    *,
    model: DualTower,
    every: float = 10.0,
    exclude: Sequence[str] = (),
) -> Generator[Progress, None, Added]:
    """Bring the library up to date with `paths` (none: all that were indexed before).

    every: seconds of a video between frames that are looked at, at most. Closing the generator, or
    an interrupt, keeps what is done.
    """
    began = time.monotonic()
    with store.transaction():
        row = store.model(model.provenance, model.dimensions)
        if store.current_model() is None:
            store.set_current_model(row)
    survey = yield from surveying(store, paths, exclude, row)
    _note_survey(store, survey)
    added = Added(seen=survey.files, unchanged=survey.unchanged, skipped=tuple(survey.skipped))
    yield from _reading(store, survey, Reading(store, model, row, every), added)
    left = find_left(store, survey)
    with store.transaction():
        store.drop_items(left.gone)
        store.set_absent(left.absent)
        store.set_current_model(row)
    added.removed, added.absent = len(left.gone), len(left.absent)
    added.seconds = time.monotonic() - began
    return added


def _note_survey(store: Store, survey: Survey) -> None:
    with store.transaction():
        for root in filter(os.path.isdir, survey.roots):
            store.add_root(root)
        store.set_present(survey.back)
        for disk, ids in survey.renumbered.items():
            store.set_disk(disk, ids)


def _reading(
    store: Store, survey: Survey, reading: Reading, added: Added
) -> Generator[Progress, None, None]:
    total = len(survey.todo)
    intake = _Intake(reading, Ledger(store, reading.row), added)
    flow = Flow(survey.todo.values()).map(reading, threads=threads(), ordered=False)
    yield Progress(0, total, "files")
    try:
        with closing(flow.run(Threads(_AHEAD, _PATIENCE))) as results:  # type: ignore[type-var]
            for one in results:
                if one is IDLE:
                    intake.embed()
                else:
                    intake.take(one)
                if intake.ledger.is_due:
                    intake.commit()
                yield Progress(added.done, total, "files")
        intake.embed()
    finally:
        intake.commit()
    yield Progress(added.done, total, "files")


@dataclass
class _Intake:
    """Gathers pieces into batches, and closes a file when all of its pieces are embedded."""

    reading: Reading
    ledger: Ledger
    added: Added
    size: int = _FIRST
    waiting: list[Piece | Whole | Copy] = field(default_factory=list)
    pieces: int = 0
    since: float = 0.0
    finished: dict[bytes, Item] = field(default_factory=dict)
    copies: dict[bytes, list[Item]] = field(default_factory=dict)

    def take(self, one: Piece | Whole | Copy | Failed) -> None:
        if isinstance(one, Failed):
            assert isinstance(one.item, Found)
            one = Whole(item_of(one.item).bad(reason_of(one.error)))
        if not self.waiting:
            self.since = time.monotonic()
        self.waiting.append(one)
        self.pieces += isinstance(one, Piece)
        if self.pieces >= self.size or time.monotonic() - self.since > _PATIENCE:
            self.embed()

    def embed(self) -> None:
        """Embed what waits, and write it down in its order."""
        began = time.monotonic()
        pieces = [one for one in self.waiting if isinstance(one, Piece)]
        values = dict(zip(map(id, pieces), self._values(pieces), strict=True))
        if pieces:  # a slow network gets small batches, that no more than a few seconds can be lost
            spent = max(time.monotonic() - began, 1e-3)
            self.size = min(BATCH, max(1, int(len(pieces) * _PATIENCE / spent)))
        for one in self.waiting:
            match one:
                case Piece():
                    self.ledger.vector(one, values[id(one)])
                case Whole(item, known):
                    self._close(item, known)
                case Copy(item):
                    self._copy(item)
        self.waiting.clear()
        self.pieces = 0

    def _values(self, pieces: list[Piece]) -> list[bytes]:
        """Vectors as the store keeps them, in the pieces' order."""
        model = self.reading.model
        vectors: list[bytes] = [b""] * len(pieces)
        pictures = [n for n, piece in enumerate(pieces) if piece.tensor is not None]
        texts = [n for n, piece in enumerate(pieces) if piece.tensor is None]
        if pictures:
            tensors = np.stack([t for n in pictures if (t := pieces[n].tensor) is not None])
            for n, row in zip(pictures, model.encode_images(tensors), strict=True):
                vectors[n] = row.astype(np.float16).tobytes()
        if texts:
            for n, row in zip(
                texts, model.embed_texts([pieces[n].text for n in texts]), strict=True
            ):
                vectors[n] = row.astype(np.float16).tobytes()
        return vectors

    def _close(self, item: Item, known: bool) -> None:
        self.ledger.file(item, embedded=item.state is State.OK)
        self._count(item, known)
        if item.content is not None:
            self.finished[item.content] = item
            for copy in self.copies.pop(item.content, ()):
                self._copy(copy)

    def _copy(self, item: Item) -> None:
        assert item.content is not None
        first = self.finished.get(item.content)
        if first is None and item.content not in self.reading.claims:
            first = self.reading.store.twin(item.content)  # it was committed while this one waited
        if first is None:
            self.copies.setdefault(item.content, []).append(item)
            return
        item = item.with_facts_of(first)
        self.ledger.file(item, embedded=item.state is State.OK)
        self._count(item, known=True)

    def _count(self, item: Item, known: bool) -> None:
        match item.state:
            case State.BAD:
                self.added.bad += 1
            case State.LISTED:
                self.added.listed += 1
            case _ if known:
                self.added.known += 1
            case _:
                self.added.new += 1

    def commit(self) -> None:
        self.ledger.commit()
        self.reading.release(self.finished.keys())
        self.finished.clear()

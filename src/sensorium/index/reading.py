"""Reading: from a file to what a model embeds. Runs in decode threads, several files at a time."""

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, SensoriumError
from sensorium.index.content import WHOLE, content_of, content_of_file
from sensorium.index.item import Item, State
from sensorium.index.store import SpanKey, Store
from sensorium.media import Kind, Span, codecs
from sensorium.media.audio import probe as probe_audio
from sensorium.media.facts import Facts
from sensorium.media.folder import Found
from sensorium.media.image import open_regular, read_picture
from sensorium.media.passages import read_passages
from sensorium.media.video import probe as probe_video
from sensorium.media.video import read_scenes
from sensorium.roles import DualTower


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """One thing to embed: a prepared picture (3, s, s), or a text."""

    key: SpanKey
    tensor: NDArray[np.float32] | None = None
    text: str = ""

    @property
    def nbytes(self) -> int:
        return 1024 + 4 * len(self.text) + (0 if self.tensor is None else self.tensor.nbytes)


@dataclass(frozen=True, slots=True)
class Whole:
    """A file whose pieces have all come. known: nothing of it had to be embedded."""

    item: Item
    known: bool = False
    nbytes: int = 2048


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of a content that another file of this run is about to bring."""

    item: Item
    nbytes: int = 2048


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. data: a picture's bytes; None for what is read by its path."""

    item: Item
    data: bytes | None = None

    @property
    def path(self) -> Path:
        return Path(self.item.path)

    @property
    def given(self) -> bytes | Path:
        """As decoders take it."""
        return self.path if self.data is None else self.data

    @property
    def content(self) -> bytes:
        assert self.item.content is not None
        return self.item.content


@dataclass(frozen=True, eq=False)
class Reading:
    """A stage: Found → the pieces of the file, then Whole; Copy or Whole alone where the content
    is known. A file that cannot be read is a Whole whose item is bad.

    claims: contents that files of this run are bringing, so that a copy is embedded once.
    """

    store: Store
    model: DualTower
    row: int
    every: float
    claims: set[bytes] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, found: Found) -> "Iterator[Piece | Whole | Copy]":
        item = item_of(found)
        try:
            source = _open(item, found)
        except (SensoriumError, OSError, MemoryError) as error:
            yield Whole(item.bad(reason_of(error)))  # without a content: it is tried again
            return
        match self._claim(source.content):
            case "fresh":
                yield from self._read(source)
            case "copy":
                yield Copy(source.item)
            case "known":
                yield self._known(source)

    def release(self, contents: Iterable[bytes]) -> None:
        """These contents are in the store now, or will not come."""
        with self.lock:
            self.claims.difference_update(contents)

    def _claim(self, content: bytes) -> str:
        with self.lock:
            if content in self.claims:
                return "copy"
            if self.store.is_embedded(content, self.row):
                return "known"
            self.claims.add(content)
            return "fresh"

    def _known(self, source: Source) -> Whole:
        """The content is embedded: only what the file says of itself may be wanting."""
        twin = self.store.twin(source.content)
        if twin is not None:
            return Whole(source.item.with_facts_of(twin), known=True)
        try:
            return Whole(_with_facts(source), known=True)
        except Exception as error:
            return Whole(source.item.bad(reason_of(error)))

    def _read(self, source: Source) -> "Iterator[Piece | Whole]":
        started = False
        try:
            for one in self._pieces(source):
                started = started or isinstance(one, Piece)
                yield one
        except MemoryError as error:
            yield Whole(replace(source.item, content=None).bad(reason_of(error)))
        except Exception as error:  # decoders raise whatever their authors pleased
            if started:
                yield Whole(replace(_with_facts(source), note=reason_of(error)))
            else:
                yield Whole(source.item.bad(reason_of(error)))

    def _pieces(self, source: Source) -> "Iterator[Piece | Whole]":
        match source.item.kind:
            case Kind.IMAGE:
                yield from self._picture(source)
            case Kind.VIDEO:
                yield from self._video(source)
            case Kind.TEXT:
                yield from self._text(source)
            case Kind.AUDIO:
                yield Whole(_with_facts(source))

    def _picture(self, source: Source) -> "Iterator[Piece | Whole]":
        picture = read_picture(source.given, self.model.image_size, source.path)
        yield Piece(SpanKey(source.content, 0), self.model.prepare_image(picture.pixels))
        item = _told(source.item, picture.facts, picture.note, picture.width, picture.height)
        yield Whole(item)

    def _video(self, source: Source) -> "Iterator[Piece | Whole]":
        """Scenes from where a run that was stopped had come to: a scene ended there."""
        item, note = _with_facts(source), ""
        known, reached = self.store.reached(source.content, self.row)
        span = Span(reached, math.inf) if known else None
        scenes = read_scenes(source.path, span, self.every, self.model.image_size)
        try:
            for number, scene in enumerate(scenes, known):
                key = SpanKey(source.content, number, scene.span.start, scene.span.end, scene.at)
                yield Piece(key, self.model.prepare_image(scene.pixels))
                note = scene.note
        except InputError:
            if not known:  # else the last scene was written, and its file was not
                raise
        yield Whole(replace(item, note=item.note or note))

    def _text(self, source: Source) -> "Iterator[Piece | Whole]":
        known, _ = self.store.reached(source.content, self.row)
        for number, passage in enumerate(read_passages(source.path)):
            if number >= known:
                start, stop = (
                    (passage.span.start, passage.span.end) if passage.span else (None,) * 2
                )
                yield Piece(SpanKey(source.content, number, start, stop), text=passage.text)
        yield Whole(source.item)


def item_of(found: Found) -> Item:
    return Item(
        path=str(found.path),
        kind=found.kind,
        size=found.size,
        modified=found.modified_ns,
        disk=disk_of(str(found.path.parent)),
    )


def disk_of(folder: str) -> str:
    """Names the disk that holds `folder`, empty where nothing tells."""
    try:
        return str(Path(folder).stat().st_dev)
    except OSError:
        return ""


def reason_of(error: BaseException) -> str:
    """In a line, without the path that stands beside it."""
    if isinstance(error, SensoriumError):
        return error.why or error.what
    if isinstance(error, MemoryError):
        return "there was not enough memory to read it"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return f"an error that we did not foresee: {type(error).__name__}: {error}"


def _open(item: Item, found: Found) -> Source:
    """Name the content. A picture's bytes are read once, for the name and for the decoder."""
    if found.kind is Kind.IMAGE and found.size <= WHOLE:
        with open_regular(found.path) as file:
            data = file.read()
        form = codecs.form_of(data[: codecs.HEAD])
        note = codecs.note(form, found.path) if form else ""
        return Source(replace(item, content=content_of(data, found.kind), note=note), data)
    return Source(replace(item, content=content_of_file(found.path, found.kind)))


def _with_facts(source: Source) -> Item:
    """What the file says of itself, as far as that is told without a model."""
    item = source.item
    match item.kind:
        case Kind.IMAGE:
            picture = read_picture(source.given, 1, source.path)
            return _told(item, picture.facts, picture.note, picture.width, picture.height)
        case Kind.VIDEO:
            said = probe_video(source.path)
            item = replace(item, duration=said.duration)
            return _told(item, said.facts, said.note, said.width, said.height)
        case Kind.AUDIO:
            return replace(item, duration=probe_audio(source.path).duration, state=State.LISTED)
        case Kind.TEXT:
            return item


def _told(item: Item, facts: Facts, note: str, width: int, height: int) -> Item:
    latitude, longitude = facts.place or (None, None)
    return replace(
        item,
        note=note,
        taken=facts.taken.isoformat() if facts.taken else None,
        latitude=latitude,
        longitude=longitude,
        camera=facts.camera,
        width=width,
        height=height,
    )

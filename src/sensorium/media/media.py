"""Media: one input, lazy and immutable. It knows its source and kind and decodes when asked.

`Media.of` is how every surface turns what a person gave (a path, bytes, an array, a PIL picture,
words) into one of the four kinds; a task says which it takes by annotating `Image | Video`.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sensorium.errors import InputError, NotFound
from sensorium.media.kind import HEAD, Kind, is_animated_gif, kind_of, kind_of_file, sniff
from sensorium.media.span import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sensorium.media.frames import Frame
    from sensorium.media.image import Picture
    from sensorium.media.passages import Passage
    from sensorium.media.sound import Sound
    from sensorium.media.video import Scene

    Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Media:
    """One input.

    source: a path; encoded bytes; uint8 (height, width, 3) for an image; words for a text.
    span: the stretch of it that is meant, None for all of it.
    """

    source: "Path | bytes | str | NDArray[Any]"
    span: Span | None = None
    kind: ClassVar[Kind]

    @staticmethod
    def of(value: Any, *kinds: "type[Media]") -> "Media":
        """What a person gave, as one of `kinds` (all four when none is named).

        A string that names a file is the file; one that looks like a path and names nothing is
        NotFound, never a text; any other string is a text where a text is taken.
        """
        wanted = kinds or (Image, Video, Audio, Text)
        media = value if isinstance(value, Media) else _read(value, wanted)
        if not isinstance(media, wanted):
            names = " or ".join(_ARTICLES[kind.kind] for kind in wanted)
            raise InputError(f"{media.name} is not {names}", f"it is {_ARTICLES[media.kind]}")
        return media

    @property
    def name(self) -> str:
        """How messages call it."""
        if isinstance(self.source, Path):
            return f"{self.source}@{self.span}" if self.span else str(self.source)
        if isinstance(self.source, str):
            return f"“{self.source[:40]}”"
        return f"the given {self.kind}"

    @property
    def title(self) -> str:
        """How a result calls it: words as they are, all else by name."""
        return self.source if isinstance(self.source, str) else self.name

    @property
    def path(self) -> Path | None:
        return self.source if isinstance(self.source, Path) else None


class Image(Media):
    kind = Kind.IMAGE

    def picture(self, at_least: int = 0) -> "Picture":
        """Pixels and what the file says about them; see `media.image.read_picture`."""
        from sensorium.media.image import read_picture

        return read_picture(self.source, at_least)

    def pixels(self, at_least: int = 0) -> "Pixels":
        """uint8 (height, width, 3), upright, sRGB; the shorter side at least `at_least` pixels
        where the picture has them, so that a decoder may scale while it decodes (0: full size)."""
        return self.picture(at_least).pixels


class Video(Media):
    kind = Kind.VIDEO

    def scenes(self, every: float = 10.0, at_least: int = 0) -> "Iterator[Scene]":
        """Shots, and within a long shot a frame at least `every` seconds; see `media.video`."""
        from sensorium.media.video import read_scenes

        return read_scenes(self.source, self.span, every, at_least)

    def frames(self, every: float = 0.5, at_least: int = 0) -> "Iterator[Frame]":
        """What is shown every `every` seconds; see `media.frames`."""
        from sensorium.media.frames import read_frames

        return read_frames(self.source, self.span, every, at_least)

    def frame(self, at: float, at_least: int = 0) -> "Pixels":
        """uint8 (height, width, 3), upright: the frame shown at `at` seconds."""
        from sensorium.media.video import read_frame

        return read_frame(self.source, at, at_least)

    def pixels(self, at_least: int = 0) -> "Pixels":
        """The frame at the middle of its span, or of the whole video."""
        from sensorium.media.video import middle

        return self.frame(middle(self.source, self.span), at_least)

    def sound(self, rate: int = 16_000) -> "Iterator[Sound]":
        """Its sound, or its span's, in pieces; see `media.sound`."""
        from sensorium.media.sound import read_sound

        return read_sound(self.source, self.span, rate)


class Audio(Media):
    kind = Kind.AUDIO

    def sound(self, rate: int = 16_000) -> "Iterator[Sound]":
        """In pieces, `rate` samples a second; see `media.sound`."""
        from sensorium.media.sound import read_sound

        return read_sound(self.source, self.span, rate)


class Text(Media):
    kind = Kind.TEXT

    def passages(self) -> "Iterator[Passage]":
        """Its sentences or cues, each with its span where it has one; see `media.passages`."""
        from sensorium.media.passages import read_passages

        return read_passages(self.source)

    @property
    def guessed_encoding(self) -> str:
        """What its bytes were taken to be written in, `GB18030`, where they do not show it; empty
        where they do."""
        from sensorium.media.passages import guessed_encoding_of

        return guessed_encoding_of(self.source) if isinstance(self.source, Path | bytes) else ""

    @property
    def words(self) -> str:
        """The whole text."""
        if isinstance(self.source, str):
            return self.source
        return "\n".join(passage.text for passage in self.passages())


_ARTICLES = {
    Kind.IMAGE: "an image",
    Kind.VIDEO: "a video",
    Kind.AUDIO: "a sound",
    Kind.TEXT: "a text",
}
_CLASSES: dict[Kind, type[Media]] = {
    Kind.IMAGE: Image,
    Kind.VIDEO: Video,
    Kind.AUDIO: Audio,
    Kind.TEXT: Text,
}


def text(words: str) -> Text:
    """Words that are words even where a file has that name."""
    return Text(words)


def _read(value: Any, wanted: tuple[type[Media], ...]) -> Media:
    if isinstance(value, Path):
        return _file(value, None)
    if isinstance(value, str):
        return _words_or_file(value, wanted)
    if isinstance(value, bytes | bytearray | memoryview):
        return _encoded(bytes(value))
    return Image(_as_pixels(value))


def _words_or_file(value: str, wanted: tuple[type[Media], ...]) -> Media:
    if not value:
        raise InputError("an item is empty", "it names no file and has no words")
    path, span = split_span(value)
    if _exists(path):
        return _file(path, span)
    if Text in wanted and not looks_like_path(value):
        return Text(value)
    raise NotFound(
        f"{value} does not exist",
        why="nothing is there under that name",
        hint='if these are words: piped in, as @-; in Python sm.text("…")'
        if Text in wanted
        else "",
    )


def split_span(value: str) -> tuple[Path, Span | None]:
    """`clip.mp4@10s-20s` → (clip.mp4, Span(10, 20)). A file whose own name has the `@` wins."""
    whole = _at_home(value)
    stem, at, tail = value.rpartition("@")
    if not at or _exists(whole):
        return whole, None
    try:
        return _at_home(stem), Span.parse(tail)
    except InputError:
        return whole, None


def _at_home(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # `~somebody` whom this machine does not know
        return Path(name)


def looks_like_path(value: str) -> bool:
    """A suffix that we know, or a separator without spaces about it; `27/02/2019` is a date."""
    if "\n" in value or re.fullmatch(r"\d[\d/]*", value):
        return False
    return kind_of(split_span(value)[0]) is not None or ("/" in value and " " not in value)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a sentence may be too long for a name, or hold a zero byte
        return False


def _file(path: Path, span: Span | None) -> Media:
    path = path.expanduser()
    if not _exists(path):
        raise NotFound(f"{path} does not exist", "nothing is there under that name")
    if path.is_dir():
        raise InputError(f"{path} is a folder", "one item is wanted here", "name a file in it")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file", "pipes and devices are not read")
    try:
        kind = kind_of_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read", error.strerror or str(error)) from None
    if kind is None:
        raise InputError(f"{path} is of no kind we read", "neither its suffix nor its bytes tell")
    return _CLASSES[kind](path, span)


def _encoded(data: bytes) -> Media:
    kind = sniff(data[:HEAD])
    if kind is Kind.IMAGE and is_animated_gif(io.BytesIO(data)):
        kind = Kind.VIDEO
    if kind is None:
        raise InputError("the given bytes are of no kind we read", "their first bytes tell nothing")
    return _CLASSES[kind](data)


def _as_pixels(value: Any) -> "Pixels":
    """An array or PIL picture as uint8 (height, width, 3)."""
    import numpy as np

    array = np.asarray(value.convert("RGB") if hasattr(value, "convert") else value)
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=-1)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or array.dtype != np.uint8:
        raise InputError(
            f"an array {array.shape} of {array.dtype} is not a picture",
            why="a picture is uint8 (height, width, 3)",
        )
    return np.ascontiguousarray(array[:, :, :3])

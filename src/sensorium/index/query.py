"""Query: what is asked of a library, as terms with weights.

    beach at night                     a sentence
    photo.jpg + at night - people      a picture, moved towards one thing and away from another
    0.5:photo.jpg + clip.mp4@12s       weights; one frame of a video

`+` and `-` stand between spaces; quotes say that what they hold is one term (`"rock - paper"`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, SensoriumError
from sensorium.media import Image, Media, Text, Video
from sensorium.media.kind import kind_of
from sensorium.media.media import looks_like_path, split_span

_WEIGHT = re.compile(r"(\d+\.\d*|\.\d+|\d+):(?!\d)\s*(?=\S)")  # 12:30 is a time, not a weight
_WORD = re.compile(r'(?:[\d.]+:\s*)?"(?:[^"\\]|\\.)*"(?!\S)|\S+', re.DOTALL)
_QUOTED = re.compile(r'((?:[\d.]+:\s*)?)"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Term:
    """weight: above 0 moves towards the media, below 0 away from it."""

    weight: float
    media: Media

    def __post_init__(self) -> None:
        if not 0 < abs(self.weight) < float("inf"):
            raise InputError(f"{self.weight:g} is no weight", "a weight is a number above 0")

    def __str__(self) -> str:
        """As it is typed, without its sign."""
        size = abs(self.weight)
        weight = "" if size == 1 else f"{_number(size)}:"
        if isinstance(self.media.source, Path):
            return weight + _quoted(self.media.name, weight)
        if isinstance(self.media.source, str):
            return weight + _quoted(self.media.source, weight)
        return weight + self.media.name


@dataclass(frozen=True)
class Query:
    """At least one term that something should be like."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not any(term.weight > 0 for term in self.terms):
            raise InputError(
                f"nothing is looked for in “{self}”" if self.terms else "nothing is looked for",
                why="a search needs a term that is not subtracted",
                hint='photo.jpg - "people"',
            )

    @classmethod
    def of(cls, value: Any) -> "Query":
        """A query from a str, Path, bytes, Media, PIL picture, uint8 array (height, width, 3), a
        Query, or a list of these with "+" and "-" between them, such as command-line arguments.

        Raises NotFound for what looks like a path and names nothing, InputError for a kind that
        cannot be searched by, for a bad weight, and where nothing is looked for.
        """
        if isinstance(value, Query):
            return value
        if isinstance(value, str):
            return cls(tuple(_read(_split(value))))
        if isinstance(value, list | tuple):
            if len(value) == 1:
                return cls.of(value[0])
            return cls(tuple(_read(_group(value))))
        return cls((Term(1.0, _media(value)),))

    @property
    def words(self) -> str:
        """As it is typed: `Query.of` reads it back where every term is words or a file."""
        return str(self)

    @property
    def texts(self) -> tuple[str, ...]:
        """The words that are looked for; none where a picture is looked for too, of which they say
        only how it should differ."""
        wanted = [term.media for term in self.terms if term.weight > 0]
        words = [media.source for media in wanted if isinstance(media, Text)]
        told = tuple(source for source in words if isinstance(source, str))
        return told if len(told) == len(wanted) else ()

    @property
    def is_sentence(self) -> bool:
        """Words alone, of which none are subtracted or weighed."""
        return len(self.terms) == 1 == len(self.texts)

    def __str__(self) -> str:
        signed = "".join(f" {'-' if term.weight < 0 else '+'} {term}" for term in self.terms)
        return signed[1:] if signed.startswith(" -") else signed[3:]


@dataclass(frozen=True)
class _Piece:
    """What stands between operators. literal: it was quoted, and is taken whole."""

    sign: int
    value: Any
    literal: bool = False


def _split(text: str) -> Iterator[_Piece]:
    """The pieces of a query that was typed as one string."""
    if _names_file(text):
        yield _Piece(1, text)
        return
    sign, held = 1, list[re.Match[str]]()
    for word in _WORD.finditer(text):
        if word[0] in ("+", "-"):
            yield from _piece(sign, text, held)
            sign, held = (1 if word[0] == "+" else -1), []
        else:
            held.append(word)
    yield from _piece(sign, text, held)


def _piece(sign: int, text: str, words: Sequence[re.Match[str]]) -> Iterator[_Piece]:
    if not words:
        return
    quoted = _QUOTED.fullmatch(words[0][0]) if len(words) == 1 else None
    if quoted:
        inside = re.sub(r"\\(.)", r"\1", quoted[2], flags=re.DOTALL)
        weight = float(quoted[1].rstrip().rstrip(":")) if quoted[1] else 1.0
        yield _Piece(sign, Term(sign * weight, _media(inside)), literal=True)
    else:
        yield _Piece(sign, text[words[0].start() : words[-1].end()])


def _group(values: Iterable[Any]) -> Iterator[_Piece]:
    """The pieces of a list: words that follow each other are one text, other things stand alone."""
    sign, words = 1, list[str]()
    for value in values:
        operator = isinstance(value, str) and value in ("+", "-")
        if words and (operator or not isinstance(value, str)):
            yield _Piece(sign, " ".join(words))
            words = []
        if operator:
            sign = 1 if value == "+" else -1
        elif isinstance(value, str):
            words.append(value)
        else:
            yield _Piece(sign, value)
    if words:
        yield _Piece(sign, " ".join(words))


def _read(pieces: Iterable[_Piece]) -> Iterator[Term]:
    for piece in pieces:
        if isinstance(piece.value, Term):
            yield piece.value
        elif isinstance(piece.value, str):
            yield from _terms(piece.sign, piece.value.strip())
        else:
            yield Term(float(piece.sign), _media(piece.value))


def _terms(sign: int, text: str) -> Iterator[Term]:
    """One piece of words: usually one term, more where files are named among the words."""
    if not text:
        return
    weight = None if _names_file(text) else _WEIGHT.match(text)
    size = float(weight[1]) if weight else 1.0
    rest = text[weight.end() :] if weight else text
    if _names_file(rest) or not any(_names_file(word) for word in rest.split()):
        yield Term(sign * size, _media(rest))
        return
    said: list[str] = []
    for word in rest.split():
        if not _names_file(word):
            said.append(word)
            continue
        if said:
            yield Term(sign * size, _media(" ".join(said)))
        yield Term(sign * size, _media(word))
        said = []
    if said:
        yield Term(sign * size, _media(" ".join(said)))


def _is_folder(text: str) -> bool:
    try:
        return split_span(text)[0].is_dir()
    except (OSError, ValueError):
        return False


def _names_file(text: str) -> bool:
    """A file that has a suffix of ours: a word such as `dog` stays one where a file is so named."""
    path, _ = split_span(text)
    try:
        return kind_of(path) is not None and path.is_file()
    except (OSError, ValueError):
        return False


def _media(value: Any) -> Media:
    if isinstance(value, Term | Query):
        raise InputError("a query inside a query", "terms are media", "put their media in the list")
    if isinstance(value, str) and not looks_like_path(value) and _is_folder(value):
        value = Text(value)  # `photos` is a word, though a folder may be so named
    media = Media.of(value, Image, Video, Text)
    if isinstance(media, Text) and media.source == "":
        raise InputError("nothing is looked for", "the text is empty")
    if isinstance(media, Image) and media.span is not None:
        return replace(media, span=None)  # a still picture shows the same at any second
    return media


def _quoted(text: str, weight: str) -> str:
    """`text`, in quotes where it would be read as something else without them."""
    pieces = _pieces(text)
    bare = pieces == [_Piece(1, text)] and '"' not in text and not _WEIGHT.match(text)
    if bare and (not weight or _WEIGHT.match(weight + text)):
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def _pieces(text: str) -> list[_Piece]:
    try:
        return list(_split(text))
    except SensoriumError:  # what it holds cannot be read without quotes
        return []


def _number(size: float) -> str:
    """The shortest that reads back the same, without an exponent."""
    text = repr(size)
    return f"{size:.40f}".rstrip("0") if "e" in text else text.removesuffix(".0")

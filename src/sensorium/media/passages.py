"""Texts and subtitles: passages of words, each with its span where it has one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.media.encoding import decode_text, guessed_encoding
from sensorium.media.image import open_regular
from sensorium.media.span import Span

LONGEST = 500  # characters of a passage; longer paragraphs are cut at the ends of sentences
LARGEST = 64 * 1024 * 1024  # bytes; what is larger is a log, not something that was written


@dataclass(frozen=True, slots=True)
class Passage:
    """text: one line of words without markup. span: when it is said, in seconds, for a cue."""

    text: str
    span: Span | None = None


def read_passages(source: Any) -> Iterator[Passage]:
    """The cues of SubRip and WebVTT, told by content; else paragraphs of at most `LONGEST`.

    source: a path, encoded bytes, or a `str` that is the words themselves.
    Raises InputError for what is no text, or a subtitle file without a cue; NotFound.
    """
    name = str(source) if isinstance(source, Path) else "the given text"
    words = source if isinstance(source, str) else decode_text(_bytes(source, name), name)
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    if words.startswith("WEBVTT"):
        return read_vtt(words)
    if _SRT.search(words):
        return read_srt(words)
    if isinstance(source, Path) and source.suffix.lower() in (".srt", ".vtt") and words.strip():
        raise InputError(name, "it holds no subtitle with a time")
    is_markdown = isinstance(source, Path) and source.suffix.lower() == ".md"
    return read_plain(_without_markdown(words) if is_markdown else words)


def guessed_encoding_of(source: Path | bytes) -> str:
    """See `media.encoding.guessed_encoding`."""
    name = str(source) if isinstance(source, Path) else "the given text"
    return guessed_encoding(_bytes(source, name), name)


def _bytes(source: Path | bytes, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    with open_regular(source) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(name, f"it holds more than {LARGEST >> 20} MB of text")
    return data


_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[,.](\d{1,3})"
_CUE = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t].*)?")
_SRT = re.compile(rf"^{_CUE.pattern}$", re.MULTILINE)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<\d[\d:.]*>|\{\\[^{}\n]*\}")
_BLOCKS = ("NOTE", "STYLE", "REGION")


def read_srt(words: str) -> Iterator[Passage]:
    """SubRip, however loosely it is written: numbers and blank lines may be missing."""
    span: Span | None = None
    said: list[str] = []
    for line in words.split("\n"):
        found = _span(line)
        if found is None:
            said.append(line)
            continue
        if said and said[-1].strip().isdigit():  # the number of the cue that begins
            said.pop()
        yield from _cue(said, span)
        span, said = found, []
    yield from _cue(said, span)


def read_vtt(words: str) -> Iterator[Passage]:
    """WebVTT: notes, styles, regions and names of cues are left out."""
    for block in re.split(r"\n[ \t]*\n", words):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith(_BLOCKS) and "-->" not in lines[0]:
            continue
        for index, line in enumerate(lines[:2]):  # a name may stand before the time
            if (span := _span(line)) is not None:
                yield from _cue([unescape(one) for one in lines[index + 1 :]], span)
                break


def _span(line: str) -> Span | None:
    match = _CUE.fullmatch(line)
    if match is None:
        return None
    start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
    return Span(start, max(start, end))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _cue(lines: list[str], span: Span | None) -> Iterator[Passage]:
    text = " ".join(" ".join(_TAG.sub("", line) for line in lines).split())
    if text and span is not None:
        yield Passage(text, span)


_SENTENCE_END = re.compile(r"[。！？…]+[”’」』）]*|[.!?]+[\"”’)\]]*(?=\s)")
_ENDS = tuple('.!?:;。！？：；…”’」』"')
_MARGIN = range(50, 121)  # characters: a line of other length was ended by its writer
_MARKS = re.compile(r"^[ \t]*(?:#{1,6} +|>+ ?|[-*+] +|\d+[.)] +|(?:```|~~~).*|[-*_=]{3,}[ \t]*$)")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")


def read_plain(words: str) -> Iterator[Passage]:
    """Paragraphs: lines, joined where a margin broke them, cut where they are too long."""
    paragraph, last = "", 0
    for line in words.replace("\f", "\n").split("\n"):
        line = " ".join(line.split())
        goes_on = last in _MARGIN and not paragraph.endswith(_ENDS) and not line.startswith("|")
        last = len(line)
        if line and goes_on and len(paragraph) < LONGEST:
            paragraph = f"{paragraph} {line}"
            continue
        yield from _pieces(paragraph)
        paragraph = line
    yield from _pieces(paragraph)


def _pieces(paragraph: str) -> Iterator[Passage]:
    """Cut after a sentence, else between words, else anywhere."""
    while len(paragraph) > LONGEST:
        ends = [match.end() for match in _SENTENCE_END.finditer(paragraph, 0, LONGEST)]
        at = ends[-1] if ends else paragraph.rfind(" ", LONGEST // 2, LONGEST)
        at = at if at > 0 else LONGEST
        yield Passage(paragraph[:at].strip())
        paragraph = paragraph[at:].lstrip()
    if paragraph:
        yield Passage(paragraph)


def _without_markdown(words: str) -> str:
    """Headings, bullets, quotes, fences and link targets off; the words stay."""
    lines = (_MARKS.sub("", line) for line in _LINK.sub(r"\1", words).split("\n"))
    return "\n".join(line.replace("**", "").replace("`", "") for line in lines)

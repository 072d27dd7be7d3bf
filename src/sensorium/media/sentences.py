"""Sentences of a passage, in Chinese and English, and the language that each is written in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sensorium.media.passages import Passage
from sensorium.media.span import Span

_CLOSING = "\"”’'」』）)】\\]"
# An English sentence ends before a space; a Chinese one needs none.
_END = re.compile(
    rf"[。！？]+[…~～]*[{_CLOSING}]*"
    rf"|(?:[!?]+|(?<=[^.]\.)(?<!\d\.)|\.{{3,}}|…+)[{_CLOSING}]*(?=\s|$|[\u4e00-\u9fff])"
    rf"|[!?]+(?=[\u4e00-\u9fff])"
)
_SHORT = re.compile(r"(?:^|\s)(?:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|etc|jr|sr|[a-z])\.$", re.I)
_NUMBER = re.compile(r"\bno\.$", re.I)  # of “No. 5”, which is no end where a number follows
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_ACCENT = re.compile(r"[\u00c0-\u024f]")
_LETTER = re.compile(r"[^\W\d_]")
# Faces, hearts and pictures; not the stars of a dividing line, nor the notes of sung subtitles.
_EMOJI = re.compile(r"[\u2639-\u263b\u2665\u2763-\u2765\U0001f300-\U0001f3b4\U0001f3b7-\U0001faff]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """language: empty where it has no letters. span: of the cue that it stands in, seconds; None in
    a text without times."""

    text: str
    language: str
    span: Span | None = None

    @property
    def says(self) -> bool:
        """Something that can be read: it has letters, or an emoji."""
        return bool(self.language or _EMOJI.search(self.text))


def read_sentences(passages: Iterator[Passage]) -> Iterator[Sentence]:
    """The sentences of paragraphs; a cue of a subtitle stays whole, for it has one time."""
    for passage in passages:
        parts = [passage.text] if passage.span else split_sentences(passage.text)
        for text in parts:
            yield Sentence(text, language_of(text), passage.span)


def split_sentences(text: str) -> list[str]:
    """Cut after full stops, exclamation and question marks with what closes them; not after
    abbreviations, numbers and initials. What has no letter or digit joins what stands before it."""
    found: list[str] = []
    start = 0
    for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
        piece = text[start:end].strip()
        rest = text[end:].lstrip()
        if not piece or (rest and _SHORT.search(piece)):
            continue
        if _NUMBER.search(piece) and rest[:1].isdigit():
            continue
        start = end
        if found and not any(map(str.isalnum, piece)):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def language_of(text: str) -> str:
    """`zh`, `en`, `ja`, `ko`, or `other`, by the scripts that it is written in; empty where it has
    no letters. Latin letters without accents are taken for English."""
    letters = len(_LETTER.findall(text))
    if not letters:
        return ""
    if len(_KANA.findall(text)) * 10 > letters:
        return "ja"
    if len(_HANGUL.findall(text)) * 3 > letters:
        return "ko"
    latin = len(_LATIN.findall(text))
    # A Chinese character says as much as some three letters.
    if len(_HAN.findall(text)) * 3 > latin:
        return "zh"
    accents = len(_ACCENT.findall(text))
    return "en" if latin * 2 > letters and accents * 25 <= latin else "other"

"""What is said in a sound: a subtitle file, or plain words that are laid over the speech."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from sensorium.errors import InputError
from sensorium.media import Media, Span, Text
from sensorium.media.sentences import Sentence, read_sentences
from sensorium.results import notes

SUFFIXES = (".srt", ".vtt", ".txt")


def transcript_of(path: Path, item: Media) -> Text:
    """path: a file, or a folder in which one has the item's name."""
    text = Media.of(_file(path, item), Text)
    assert isinstance(text, Text)
    return text


def read_transcript(text: Text, item: Media, language: str) -> list[Sentence]:
    """Sentences, or the cues of a subtitle file, within the item's span. language: `auto`, or what
    all of it is in."""
    found = [one for one in read_sentences(text.passages()) if one.says]
    if not found:
        raise InputError(f"{text.name} has no words", "there is nothing in it to read")
    if language != "auto":
        found = [replace(one, language=language) for one in found]
    span = item.span
    if span is None or found[0].span is None:
        return found
    return [one for one in found if one.span and _within(one.span, span)]


def doubts(text: Text) -> list[str]:
    """A note where its encoding had to be guessed."""
    guessed = text.guessed_encoding
    if not guessed:
        return []
    name = text.path.name if text.path else "the given text"
    was = shlex.quote(name) if text.path else "FILE"
    command = f"iconv -f BIG5 -t UTF-8 {was}"
    return [notes.GUESSED(name=name, encoding=guessed, command=command)]


def beside(item: Media) -> Path | None:
    """A subtitle file of the same name as a video, such as `talk.srt` or `talk.en.srt`."""
    if item.path is None:
        return None
    stem = item.path.stem
    near = (path for path in sorted(item.path.parent.glob("*")) if path.suffix.lower() in SUFFIXES)
    return next((path for path in near if path.name.split(".")[0] == stem.split(".")[0]), None)


def language_of(sentences: Sequence[Sentence]) -> str:
    """What most of it is in; empty where there is nothing."""
    counts: dict[str, int] = {}
    for one in sentences:
        counts[one.language] = counts.get(one.language, 0) + len(one.text)
    return max(counts, key=lambda name: counts[name], default="")


def laid_over(sentences: Sequence[Sentence], speech: Sequence[Span]) -> list[Sentence]:
    """Sentences without times, spread over the speech in order, by their length: a guess at when
    each is said. speech: stretches in order, of some length."""
    marks = [0.0, *accumulate(one.end - one.start for one in speech)]
    weights = [len(one.text.encode()) for one in sentences]
    shares = np.concatenate([[0.0], np.cumsum(weights) / max(sum(weights), 1)]) * marks[-1]

    def clock(spoken: float, ends: bool) -> float:
        side = "left" if ends else "right"
        at = int(np.searchsorted(marks, spoken, side)) - 1  # type: ignore[call-overload]
        at = min(max(at, 0), len(speech) - 1)
        return speech[at].start + spoken - marks[at]

    return [
        replace(one, span=Span(clock(start, False), clock(end, True)))
        for one, start, end in zip(sentences, shares.tolist(), shares[1:].tolist(), strict=False)
    ]


def _file(path: Path, item: Media) -> Path:
    path = path.expanduser()
    if not path.is_dir():
        return path
    stem = item.path.stem if item.path else ""
    for suffix in SUFFIXES:
        if stem and (found := path / f"{stem}{suffix}").is_file():
            return found
    raise InputError(f"{path} holds no transcript of {item.name}", f"no {stem}.srt, .vtt or .txt")


def _within(one: Span, span: Span) -> bool:
    return one.start < span.end and one.end > span.start

"""Signs in sentences: what a classifier says of each, and which words it says it by."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sensorium.flow import Progress
from sensorium.media.sentences import Sentence
from sensorium.results import Carrier, Event, Evidence
from sensorium.results.timeline import likeliest
from sensorium.roles import Floats, TextClassifier

LEARNED = ("en", "zh")
_BATCH = 16
_FEW, _SHARE = 4, 0.05  # words that are told at most, and the least that each must carry
_LONGEST = 40  # words of a sentence that are left out one by one; of a longer one, stretches


@dataclass(frozen=True)
class Read:
    """chances: head → label → probability. words: what carried the likeliest emotion."""

    chances: dict[str, dict[str, float]]
    words: tuple[Carrier, ...]


def read_signs(texts: Sequence[str], model: TextClassifier) -> Iterator[Read]:
    """One `Read` a text; all that is asked of the model goes as one call."""
    places = [_stretches(model.word_places(text)) for text in texts]
    without = [
        text[:start] + " " + text[end:]
        for text, words in zip(texts, places, strict=True)
        for start, end in words
    ]
    told = model.classify_texts([*texts, *without])
    first = len(texts)
    for at, words in enumerate(places):
        chances = {
            head: {label: float(p) for label, p in zip(labels, told[head][at], strict=True)}
            for head, labels in model.heads.items()
        }
        rest = {head: scores[first : first + len(words)] for head, scores in told.items()}
        first += len(words)
        yield Read(chances, _carriers(words, _leading(at, told, rest)))


def _leading(at: int, told: dict[str, Floats], rest: dict[str, Floats]) -> Floats:
    """How much of the likeliest label's probability goes with each word: of the emotion, or of the
    sentiment where there is none."""
    head = "emotion" if "emotion" in told else "sentiment"
    best = int(told[head][at].argmax())
    lost: Floats = told[head][at, best] - rest[head][:, best]
    return lost


def _carriers(words: Sequence[tuple[int, int]], lost: Floats) -> tuple[Carrier, ...]:
    """The weightiest words by occlusion (Zeiler and Fergus, ECCV 2014), in order of place."""
    heavy = [at for at in np.argsort(-lost, kind="stable")[:_FEW] if lost[at] >= _SHARE]
    return tuple(
        Carrier(start, end, round(min(float(lost[at]), 1.0), 4))
        for at in sorted(heavy)
        for start, end in [words[at]]
    )


def _stretches(words: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The words, joined by twos or more where there are many."""
    size = -(-len(words) // _LONGEST) or 1
    return [
        (words[at][0], words[min(at + size, len(words)) - 1][1])
        for at in range(0, len(words), size)
    ]


def evidence_of(found: Sequence[tuple[Sentence, Read]]) -> list[Evidence]:
    """A piece of evidence each sentence; where it has no time, its place is its number."""
    return [
        _evidence(
            one, read, *((one.span.start, one.span.end) if one.span else (float(at), at + 1.0))
        )
        for at, (one, read) in enumerate(found)
    ]


def read_all(
    sentences: Iterable[Sentence], model: TextClassifier
) -> Generator[Progress, None, list[tuple[Sentence, Read]]]:
    """Sentences with what is read in each, some at a time."""
    found: list[tuple[Sentence, Read]] = []
    waiting = iter(sentences)
    while batch := list(islice(waiting, _BATCH)):
        found += zip(batch, read_signs([one.text for one in batch], model), strict=True)
        yield Progress(len(found), 0, "sentences")
    return found


def unlearned(evidence: Sequence[Evidence]) -> list[Event]:
    """Sentences in a language that the model has not learned."""
    return [
        Event(one.start, one.end, one.row, "language", one.language)
        for one in evidence
        if one.language and one.language not in LEARNED
    ]


def _evidence(one: Sentence, read: Read, start: float, end: float) -> Evidence:
    emotion = read.chances.get("emotion", {})
    sentiment = read.chances.get("sentiment", {})
    return Evidence(
        "text",
        start,
        end,
        one.text,
        one.language,
        likeliest(emotion),
        emotion,
        sentiment,
        sentiment.get("positive", 0.0) - sentiment.get("negative", 0.0),
        read.words,
    )

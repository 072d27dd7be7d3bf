"""Signs in sentences: what a classifier says of each, and which words it says it by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sensorium.media import Text
from sensorium.media.sentences import Sentence
from sensorium.results import Carrier, Event, Evidence, Grid, Row, Timeline
from sensorium.results.timeline import SECONDS, SENTENCES
from sensorium.roles import Floats, TextClassifier

LEARNED = ("en", "zh")
UNKNOWN = "unknown"
_LEAST = 0.35
"""Probability that the likeliest emotion must have: of seven, even chances have 0.14."""
_NOTE = "a reading of signs by a small model, not of minds; not for decisions about people"
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


def timeline(
    item: Text, found: Sequence[tuple[Sentence, Read]], model: TextClassifier, unlearned: bool
) -> Timeline:
    """The grid, its one row and what it stands on."""
    spans = [one.span for one, _ in found]
    timed = spans[0] is not None
    bounds = [
        (span.start, span.end) if span else (float(at), at + 1.0) for at, span in enumerate(spans)
    ]
    evidence = tuple(_evidence(*one, *place) for one, place in zip(found, bounds, strict=True))
    count = int(np.ceil(max(end for _, end in bounds))) if timed else len(found)
    grid = Grid(SECONDS if timed else SENTENCES, 1.0, max(count, 1))
    labels = model.heads.get("emotion", ())
    row = _row(grid, labels, evidence)
    notes = [_NOTE]
    if unlearned:
        notes.append("some sentences are in a language that the model has not learned")
    return Timeline(
        item=item.source if isinstance(item.source, str) else item.name,
        grid=grid,
        labels=labels,
        rows={"fused": row, "text": row},
        evidence=evidence,
        events=tuple(_events(evidence)),
        notes=tuple(notes),
        provenance=model.provenance,
    )


def _evidence(one: Sentence, read: Read, start: float, end: float) -> Evidence:
    emotion = read.chances.get("emotion", {})
    sentiment = read.chances.get("sentiment", {})
    best = max(emotion, key=lambda label: emotion[label], default=UNKNOWN)
    return Evidence(
        "text",
        start,
        end,
        one.text,
        one.language,
        best if emotion.get(best, 0.0) >= _LEAST else UNKNOWN,
        emotion,
        sentiment,
        sentiment.get("positive", 0.0) - sentiment.get("negative", 0.0),
        read.words,
    )


def _row(grid: Grid, labels: Sequence[str], evidence: Sequence[Evidence]) -> Row:
    """The mean of what was said within a step."""
    total = np.zeros((grid.count, len(labels)))
    times = np.zeros(grid.count)
    for one in evidence:
        for step in grid.steps(one.start, one.end):
            total[step] += [one.emotion[label] for label in labels]
            times[step] += 1
    means = total / np.maximum(times, 1)[:, None]
    columns = {label: tuple(means[:, at].tolist()) for at, label in enumerate(labels)}
    return Row(columns, tuple((times > 0).tolist()))


def _events(evidence: Sequence[Evidence]) -> Iterator[Event]:
    for one in evidence:
        if one.language not in LEARNED:
            yield Event(one.start, one.end, one.row, "language", one.language)
        elif one.label == UNKNOWN:
            yield Event(one.start, one.end, one.row, "unknown")

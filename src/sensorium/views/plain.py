"""How a result looks to another program: lines without colour, whose columns stand between tabs."""

from collections.abc import Iterator
from typing import assert_never

from sensorium.results import AnyResult, Boxes, Evidence, Hit, Hits, Scores, Timeline, Vectors
from sensorium.views import words


def lines(result: AnyResult, named: bool = False) -> list[str]:
    """Score, path@span and what a text says; probability and label; id and numbers; the words of
    a picture; of a timeline start, row, emotion, its probability, valence and text, and where
    `named` before them what was read."""
    match result:
        case Hits():
            return ["\t".join(_columns(hit)) for hit in result.hits]
        case Scores():
            return [f"{chance:.4f}\t{label}" for label, chance in result.scores.items()]
        case Vectors():
            rows = zip(result.ids, result.values, strict=True)
            return [f"{one}\t{' '.join(f'{value:.6f}' for value in row)}" for one, row in rows]
        case Boxes():
            return [box.label for box in result.boxes]
        case Timeline():
            item = [" ".join(result.item.split())] if named else []
            return ["\t".join([*item, *_reading(one)]) for one in result.evidence]
        case _:
            assert_never(result)


def _columns(hit: Hit) -> Iterator[str]:
    yield "-" if hit.score is None else f"{hit.score:.4f}"
    yield words.address(hit)
    if hit.text:
        yield " ".join(hit.text.split())


def _reading(one: Evidence) -> Iterator[str]:
    yield f"{one.start:g}"
    yield one.row
    yield one.label
    yield "-" if one.chance is None else f"{one.chance:.4f}"
    yield f"{one.valence:+.4f}" if one.sentiment else ""
    yield " ".join(one.text.split())

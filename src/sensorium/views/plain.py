"""How a result looks to another program: lines without colour, whose columns stand between tabs."""

from collections.abc import Iterator
from typing import assert_never

from sensorium.results import AnyResult, Boxes, Hit, Hits, Scores, Vectors
from sensorium.views import words


def lines(result: AnyResult) -> list[str]:
    """Score, path@span and what a text says; probability and label; id and numbers; the words of
    a picture."""
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
        case _:
            assert_never(result)


def _columns(hit: Hit) -> Iterator[str]:
    yield "-" if hit.score is None else f"{hit.score:.4f}"
    yield words.address(hit)
    if hit.text:
        yield " ".join(hit.text.split())

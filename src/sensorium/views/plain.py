"""How a result looks to another program: lines without colour, whose columns stand between tabs."""

from typing import assert_never

from sensorium.results import AnyResult, Boxes, Hit, Hits, Scores, Vectors
from sensorium.views import words


def lines(result: AnyResult) -> list[str]:
    """Score and path@span; probability and label; id and numbers; the words of a picture."""
    match result:
        case Hits():
            return [f"{_score(hit)}\t{words.address(hit)}" for hit in result.hits]
        case Scores():
            return [f"{chance:.4f}\t{label}" for label, chance in result.scores.items()]
        case Vectors():
            rows = zip(result.ids, result.values, strict=True)
            return [f"{one}\t{' '.join(f'{value:.6f}' for value in row)}" for one, row in rows]
        case Boxes():
            return [box.label for box in result.boxes]
        case _:
            assert_never(result)


def _score(hit: Hit) -> str:
    return "-" if hit.score is None else f"{hit.score:.4f}"

"""How a result looks in a terminal. Built with rich; the surface prints what `render` gives."""

from collections.abc import Iterator
from typing import assert_never

from rich.console import Console, Group, RenderableType
from rich.text import Text

from sensorium.results import AnyResult, Box, Boxes, Hit, Hits, Scores, Vectors


def render(result: AnyResult, console: Console) -> RenderableType:
    """What to print for `result`; thumbnails only where `console` can show them."""
    match result:
        case Hits():
            return Group(*_hits(result, console))
        case Scores():
            return Group(*_scores(result))
        case Vectors():
            return _vectors(result)
        case Boxes():
            return Group(*_boxes(result))
        case _:
            assert_never(result)


def _hits(hits: Hits, console: Console) -> Iterator[RenderableType]:
    for place, hit in enumerate(hits.hits, 1):
        yield _hit(place, hit)


def _hit(place: int, hit: Hit) -> Text:
    where = f"{hit.path}@{hit.span}" if hit.span else str(hit.path)
    return Text.assemble((f"{place:>3} ", "dim"), where, (f"  {hit.score:.3f}", "dim"))


def _scores(scores: Scores) -> Iterator[RenderableType]:
    for label, value in scores.scores.items():
        bar = "█" * round(24 * value)
        yield Text.assemble((f"{value:6.1%} ", "bold"), (f"{bar:<24} ", "cyan"), label)


def _vectors(vectors: Vectors) -> Text:
    rows, size = vectors.values.shape
    return Text(f"{rows} x {size} float32, unit length")


def _boxes(boxes: Boxes) -> Iterator[RenderableType]:
    for box in boxes.boxes:
        yield _box(box)


def _box(box: Box) -> Text:
    left, top, right, bottom = (round(edge) for edge in box.xyxy)
    place = f"  {left},{top} to {right},{bottom}"
    return Text.assemble(box.label, (place, "dim"), (f"  {box.score:.0%}", "dim"))

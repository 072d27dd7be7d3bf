"""How a result looks to a person at a terminal. Built with rich; a surface prints it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import assert_never

import numpy as np
from PIL import Image as Pil
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import ControlType, Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sensorium.results import AnyResult, Boxes, Hit, Hits, Scores, Timeline, Vectors
from sensorium.views import inline, words
from sensorium.views.printable import printable
from sensorium.views.terminal_timeline import blocks, render_timeline
from sensorium.views.thumbnail import thumbnail

COLUMNS, ROWS = 18, 5
"""Cells of a thumbnail."""


def render(result: AnyResult, console: Console, preview: bool = True) -> RenderableType:
    """What to print for `result`; thumbnails only of what was found and where `console` can show
    them."""
    match result:
        case Hits():
            pictures = preview and result.verdict != "nothing" and shows_pictures(console)
            return Group(*_hits(result, pictures))
        case Scores():
            return Group(*_scores(result))
        case Vectors():
            return Group(*_vectors(result))
        case Boxes():
            return Group(*_boxes(result))
        case Timeline():
            return Group(*render_timeline(result, console))
        case _:
            assert_never(result)


def shows_pictures(console: Console) -> bool:
    """A terminal with colours that are wanted (`NO_COLOR`), wide enough for text beside them."""
    colours = console.color_system in ("truecolor", "256") and not console.no_color
    return console.is_terminal and colours and console.width >= 60


def _hits(hits: Hits, preview: bool) -> Iterator[RenderableType]:
    yield _verdict(hits)
    if hits.hits:
        yield Text()
    for place, hit in enumerate(hits.hits, 1):
        table = Table.grid(padding=(0, 2, 0, 0))
        told = Group(*_hit(hit))
        number = Text(f"{place:>3}", style="dim")
        if not preview:
            table.add_row(number, told)
            yield table
            continue
        table.add_column(width=COLUMNS, no_wrap=True)
        picture = thumbnail(hit.path, hit.kind, hit.span, COLUMNS * inline.CELL[0])
        table.add_row(_Cell(picture) if picture else _placeholder(hit), number, told)
        yield table
        yield Text()


def _verdict(hits: Hits) -> Text:
    of = f"{hits.searched:,} item{'' if hits.searched == 1 else 's'}"
    asked = printable(hits.query)
    if hits.verdict == "nothing":
        line = Text.assemble(("Nothing here matches ", "bold"), (asked, "bold italic"))
        return line.append(f"   the nearest of {of}" if hits.hits else f"   in {of}", "dim")
    if not hits.hits:
        return Text.assemble((asked, "bold italic"), (f"   no hits in {of}", "dim"))
    return Text.assemble((asked, "bold italic"), (f"   {len(hits)} of {of}", "dim"))


def _hit(hit: Hit) -> Iterator[Text]:
    folder, _, name = printable(words.address(hit)).rpartition(os.sep)
    link = Style(bold=True, link=_link(hit))
    yield Text.assemble((f"{folder}{os.sep}" if folder else "", "dim"), (name, link))
    yield Text.assemble(*_fit(hit))
    reasons = [told for told in map(words.because, hit.why) if told]
    if reasons:
        yield Text(printable("; ".join(reasons)))
    elif hit.text:
        yield Text(f"“{printable(words.short(hit.text))}”", style="italic")
    if hit.moments:
        also = ", ".join(words.moment(span) for span in hit.moments[:6])
        yield Text.assemble(("also at ", "dim"), also)
    if hit.duplicates:
        yield Text(printable(words.copies(hit.duplicates)), style="dim")


def _fit(hit: Hit) -> Iterator[tuple[str, str] | str]:
    if hit.relevance is not None:
        colour = "green" if hit.relevance >= 0.6 else "yellow" if hit.relevance >= 0.3 else "dim"
        yield (words.likelihood(hit.relevance), colour)
        yield (f" {hit.relevance:.0%}", "dim")
    elif hit.score is not None:
        yield (f"score {hit.score:.3f}", "dim")
    if hit.span:
        yield ("  ·  ", "dim")
        yield words.moment(hit.span)


def _link(hit: Hit) -> str | None:
    try:
        address: str = hit.path.absolute().as_uri()
        return address
    except (ValueError, UnicodeEncodeError):
        return None


def _placeholder(hit: Hit) -> Text:
    """What stands where there is no picture: the kind, and that the file is gone."""
    told = hit.kind if hit.path.exists() else "not there now"
    blank = " " * COLUMNS
    middle = f"{told:^{COLUMNS}}"
    return Text("\n".join([blank, middle, blank]), style="dim on grey15")


def _scores(scores: Scores) -> Iterator[Text]:
    yield Text(printable(scores.item), style="bold")
    for place, (label, chance) in enumerate(scores.scores.items()):
        bar = blocks(chance, 24)
        style = "bold" if place == 0 else ""
        yield Text.assemble(
            (f"{chance:6.1%} ", style), (f"{bar:<24} ", "cyan"), (printable(label), style)
        )


def _vectors(vectors: Vectors) -> Iterator[Text]:
    rows, size = vectors.values.shape
    many = f"{rows} vector" + ("" if rows == 1 else "s")
    yield Text.assemble((many, "bold"), (f" of {size} numbers, float32, unit length", "dim"))
    for one, row in list(zip(vectors.ids, vectors.values, strict=True))[:10]:
        head = "  ".join(f"{value:+.3f}" for value in row[:5])
        yield Text.assemble("  ", printable(one), (f"   {head} …", "dim"))
    if rows > 10:
        yield Text(f"  and {rows - 10} more", style="dim")


def _boxes(boxes: Boxes) -> Iterator[Text]:
    width, height = boxes.size
    yield Text.assemble((printable(boxes.item), "bold"), (f"   {width} x {height}", "dim"))
    if not boxes.boxes:
        yield Text("  nothing was found", style="dim")
    for box in boxes.boxes:
        left, top = (round(edge) for edge in box.xyxy[:2])
        doubt = f"  {box.score:.0%}" if box.score < 0.9 else ""
        yield Text.assemble("  ", printable(box.label), (f"   {left},{top}{doubt}", "dim"))


@dataclass(frozen=True)
class _Cell:
    """A picture in `COLUMNS` x `ROWS` cells, the best way that this terminal has."""

    picture: Pil.Image

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        way = inline.here()
        if way is inline.Protocol.BLOCKS:
            yield from _blocks(self.picture)
            return
        sequence = inline.escape(self.picture, way, COLUMNS, ROWS)
        yield Segment(sequence, None, [(ControlType.CURSOR_FORWARD, 0)])
        for _ in range(ROWS):
            yield Segment(" " * COLUMNS)
            yield Segment.line()


def _blocks(picture: Pil.Image) -> Iterator[Segment]:
    """Half blocks: a cell shows two pixels, the upper as its ink and the lower as its ground."""
    small = picture.copy()
    small.thumbnail((COLUMNS, ROWS * 2), Pil.Resampling.LANCZOS)
    left = (COLUMNS - small.width) // 2
    lines = np.asarray(small.convert("RGB")).tolist()
    for upper, lower in zip_longest(lines[::2], lines[1::2], fillvalue=None):
        yield Segment(" " * left)
        for ink, ground in zip_longest(upper or (), lower or ()):
            style = Style(color=_colour(ink), bgcolor=_colour(ground) if ground else None)
            yield Segment("▀", style)
        yield Segment.line()


def _colour(pixel: Sequence[int]) -> str:
    return "rgb({},{},{})".format(*pixel)

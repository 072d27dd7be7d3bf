"""A timeline at a terminal: rows over time, a letter a cell, and the evidence that tells most."""

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sensorium.results import Evidence, Row, Timeline
from sensorium.results.timeline import LEAST, SECONDS, UNKNOWN
from sensorium.views import feelings, words
from sensorium.views.lanes import Columns
from sensorium.views.printable import printable

_NAMES = 8  # cells for the names of rows
_WIDEST = 100
_KINDS = 3  # of remarks
_INK = "#101014"  # of a letter on its colour
_FEWEST = 6  # pieces of evidence that are told however low the terminal is
_WIDE, _ROOMY = 100, 60  # columns from which there is room for a scale, and for bars
_LEVELS = "▁▂▃▄▅▆▇█"


def render_timeline(timeline: Timeline, console: Console) -> Iterator[RenderableType]:
    """At most about a screen: of a long one the most telling pieces, and how many there are."""
    width = min(console.width, _WIDEST)
    head = [*_head(timeline), *_over_time(timeline, width), *_remarks(timeline, width)]
    yield from head
    notes = [Text(printable(note), style="dim") for note in timeline.notes]
    room = max(_FEWEST, console.height - len(head) - len(notes) - 4)
    shown = _telling(timeline.evidence, room)
    few = len(shown) == len(timeline.evidence)
    if shown:
        yield _table(timeline, shown, width, few)
    if not few:
        told = f"the {len(shown)} most telling of {len(timeline.evidence)}; all of them: --csv"
        yield Text(f"{told}, --html PAGE", style="dim")
    yield Text()
    yield from notes


def _head(timeline: Timeline) -> Iterator[Text]:
    item = printable(words.short(timeline.item, 60))
    yield Text.assemble((item, "bold"), (f"   {feelings.size(timeline)}", "dim"))
    yield Text()


# rows over time


def _over_time(timeline: Timeline, width: int) -> Iterator[Text]:
    """Nothing for a single moment, or for a few sentences that are all told below."""
    grid = timeline.grid
    if not any(feelings.leading(timeline).seen):
        return
    if grid.count < 2 or (grid.unit != SECONDS and grid.count <= _FEWEST) or not timeline.labels:
        return
    cells = max(10, min(width - _NAMES - 1, max(grid.count, 40)))
    yield _named("", _spark(_cells(feelings.leading(timeline), timeline.labels, cells)))
    for name in dict.fromkeys(["fused", *timeline.rows]):
        if name in timeline.rows and not _doubled(timeline, name):
            columns = _cells(timeline.rows[name], timeline.labels, cells)
            yield _named(name, _letters(columns, timeline.labels))
    yield _named("", Text(_axis(timeline, cells), style="dim"))
    yield Text()
    yield from _key(timeline, width)
    yield Text()


def _doubled(timeline: Timeline, name: str) -> bool:
    """A row that is the fused one once more, for there is no other."""
    return name != "fused" and feelings.kinds(timeline) == [name] and "fused" in timeline.rows


def _cells(row: Row, labels: Sequence[str], count: int) -> list[tuple[int, float] | None]:
    """The likeliest label of each cell and its probability, None where nothing was seen."""
    columns = Columns.of(row, labels)
    best = columns.best()
    found: list[tuple[int, float] | None] = []
    for at in range(count):
        first = at * len(best) // count
        last = max(first + 1, (at + 1) * len(best) // count)
        seen = [step for step in range(first, last) if columns.seen[step]]
        if not seen:
            found.append(None)
            continue
        means = columns.values[seen].mean(axis=0)
        found.append((int(means.argmax()), float(means.max())))
    return found


def _named(name: str, line: Text) -> Text:
    return Text.assemble((f"{name:<{_NAMES}} ", "bold" if name == "fused" else "dim"), line)


def _spark(cells: list[tuple[int, float] | None]) -> Text:
    """How likely the likeliest is."""
    bars = (" " if cell is None else _LEVELS[min(7, int(cell[1] * 8))] for cell in cells)
    return Text("".join(bars), style="dim")


def _letters(cells: list[tuple[int, float] | None], labels: Sequence[str]) -> Text:
    """A letter a cell, on its colour where there are colours."""
    line = Text()
    for cell in cells:
        if cell is None:
            line.append("·", "dim")
        else:
            look = feelings.look(labels[cell[0]] if cell[1] >= LEAST else UNKNOWN)
            line.append(look.letter, Style(color=_INK, bgcolor=look.colour))
    return line


def _axis(timeline: Timeline, cells: int) -> str:
    grid = timeline.grid
    if grid.unit != SECONDS:
        first, last = "1", f"sentence {grid.count}"
    else:
        first, last = words.clock(grid.start), words.clock(grid.bounds(grid.count - 1)[1])
    return f"{first}{last:>{max(1, cells - len(first))}}"


def _key(timeline: Timeline, width: int) -> Iterator[Text]:
    """Letters with their names and shares."""
    items = []
    for label, share in feelings.shares(timeline).items():
        if share >= 0.01:
            look = feelings.look(label)
            letter = (look.letter, Style(color=_INK, bgcolor=look.colour))
            items.append(Text.assemble(letter, f" {printable(label)} ", (f"{share:.0%}", "dim")))
    return _flowed(items, "  ", width)


def _remarks(timeline: Timeline, width: int) -> Iterator[Text]:
    """Stretches to be careful with, by their kind."""
    timed = timeline.grid.unit == SECONDS
    found: dict[str, list[str]] = {}
    for one in sorted(timeline.events, key=lambda one: one.start):
        where = words.clock(one.start) if timed else f"sentence {one.start + 1:.0f}"
        note = f" {printable(one.note)}" if one.note and one.kind != "language" else ""
        found.setdefault(one.kind, []).append(where + note)
    for kind, places in list(found.items())[:_KINDS]:
        mark, called, _ = feelings.event(kind)
        few = places[:3] + ([f"and {len(places) - 3} more"] if len(places) > 3 else [])
        parts = [Text.assemble((f"{mark} ", "bold"), f"{called}:"), *(Text(one) for one in few)]
        for part in parts[1:]:
            part.stylize("dim")
        yield from _flowed(parts, "  ", width)
    if found:
        yield Text()


def _flowed(parts: Sequence[Text], between: str, width: int) -> Iterator[Text]:
    """As many of the parts on a line as it has room for; none is broken."""
    line = Text()
    for part in parts:
        if line.cell_len and line.cell_len + len(between) + part.cell_len > width:
            yield line
            line = Text("  ")
        elif line.cell_len:
            line.append(between)
        line.append_text(part)
    if line.cell_len:
        yield line


# piece by piece


def _telling(evidence: Sequence[Evidence], most: int) -> list[tuple[int, Evidence]]:
    """With their places, in order of time: all, or those whose feeling is the surest."""
    numbered = list(enumerate(evidence, 1))

    def sure(pair: tuple[int, Evidence]) -> tuple[bool, float]:
        _, one = pair
        return one.label not in ("neutral", UNKNOWN), one.emotion.get(one.label, 0.0)

    found = sorted(numbered, key=sure, reverse=True)[:most]
    return sorted(found, key=lambda pair: (feelings.moment(pair[1]), pair[0]))


def _table(
    timeline: Timeline, shown: list[tuple[int, Evidence]], width: int, few: bool
) -> RenderableType:
    several = any(one.row != "text" for one in timeline.evidence)
    rows = [list(_piece(timeline, *pair, width)) for pair in shown]
    if not several:
        rows = [[row[0], *row[2:]] for row in rows]
    table = Table.grid(padding=(0, 2, 0, 0))
    widths = [max(row[column].cell_len for row in rows) for column in range(len(rows[0]) - 1)]
    for wide in widths:  # these keep their width, whatever the last one has
        table.add_column(no_wrap=True, min_width=wide)
    table.add_column(overflow="fold")
    for row in rows:
        if not few:
            row[-1].truncate(max(8, width - sum(widths) - 2 * len(widths) - 2), overflow="ellipsis")
        table.add_row(*row)
    return table


def _piece(timeline: Timeline, place: int, one: Evidence, width: int) -> Iterator[Text]:
    """Place, row, emotion, how likely, valence, and what it stands on."""
    timed = timeline.grid.unit == SECONDS and timeline.grid.count > 1
    yield Text(words.clock(feelings.moment(one)) if timed else f"{place:>3}", style="dim")
    yield Text(printable(one.row), style="dim")
    known = one.label != UNKNOWN
    colour = feelings.look(one.label).colour
    yield Text(printable(one.label), style=f"bold {colour}" if known else "dim")
    chance = max(one.emotion.values(), default=0.0) if one.chance is None else one.chance
    bar = (f"{blocks(chance, 8):<8}", "cyan") if width >= _ROOMY else ""
    yield Text.assemble((f"{chance:4.0%} ", "" if known else "dim"), bar)
    yield _valence(one, width)
    yield _stands_on(one, width)


def _valence(one: Evidence, width: int) -> Text:
    """-1 to 1 as a mark on a line of nine cells where there is room, and the number."""
    if not one.sentiment:
        return Text()
    cells = list("────┼────")
    cells[round((max(-1.0, min(1.0, one.valence)) + 1) * 4)] = "●"
    scale = f"−{''.join(cells)}+ " if width >= _WIDE else ""
    return Text(f"{scale}{one.valence:+.2f}", style="" if abs(one.valence) >= 0.3 else "dim")


def _stands_on(one: Evidence, width: int) -> Text:
    """The text, with what carried it underlined; of a voice or face what was measured."""
    if one.text:
        pieces = feelings.marked(one)
        return Text.assemble(
            *((printable(text), "bold underline" if carried else "") for text, carried in pieces)
        )
    if width < _ROOMY:
        return Text()
    told = [" ".join(feelings.sign(name, value)[:2]) for name, value in one.signs.items()]
    return Text(printable(", ".join(told)), style="dim", overflow="ellipsis", no_wrap=True)


def blocks(share: float, width: int) -> str:
    """A bar in eighths of a cell."""
    whole, eighths = divmod(round(share * width * 8), 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[eighths - 1] if eighths else "")

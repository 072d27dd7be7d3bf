"""What was felt in a span of an item, as a library keeps it: one step of its timeline.

Of words and voices no more is kept than the emotions' mean; of a picture its faces, too.
"""

from dataclasses import replace

from sensorium.media import Span
from sensorium.results import Evidence, Grid, Result, Row, Timeline
from sensorium.results.timeline import SECONDS, likeliest

TASK = "emotion"
"""The task whose timelines these are."""


def felt_in(result: Result, span: Span | None) -> Timeline:
    """The means of a timeline's rows over `span`, or over all of it where there is none.

    The first piece of evidence is the fused row's, `unknown` where nothing stands out; then come
    the faces of a picture with their boxes.
    """
    assert isinstance(result, Timeline)
    grid = result.grid
    all_of_it = Span(grid.start, grid.start + grid.count * grid.every)
    here = span if span and grid.unit == SECONDS else all_of_it
    steps = grid.steps(here.start, here.end)
    rows = {name: _mean(row, steps) for name, row in result.rows.items()}
    fused = rows.get("fused", Row({}, (False,)))
    emotion = fused.at(0)
    whole = Evidence("fused", here.start, here.end, "", "", likeliest(emotion), emotion, {}, 0.0)
    faces = [replace(one, text="", words=()) for one in result.evidence if one.box is not None]
    return Timeline(
        item="",
        grid=Grid(grid.unit, max(here.end - here.start, 1e-6), 1, here.start),
        labels=result.labels,
        rows=rows,
        evidence=(whole, *(faces if grid.count == 1 else ())),
        provenance=result.provenance,
    )


def _mean(row: Row, steps: range) -> Row:
    seen = [step for step in steps if row.seen[step]]
    means: dict[str, tuple[float, ...]] = {
        label: (round(sum(values[step] for step in seen) / len(seen), 4) if seen else 0.0,)
        for label, values in row.probabilities.items()
    }
    return Row(means, (bool(seen),))

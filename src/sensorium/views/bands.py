"""Bands: a row of emotions as a stacked area, lines and shapes of sound, as SVG.

Everything is drawn in a box of 1000 × 100 that the page stretches.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from sensorium.views import feelings
from sensorium.views.lanes import Columns

WIDTH, HEIGHT = 1000, 100


def stacked(columns: Columns, labels: Sequence[str]) -> str:
    """The paths of a stacked area; where nothing was seen there is nothing."""
    tops = np.concatenate((np.zeros((len(columns.seen), 1)), columns.values.cumsum(axis=1)), axis=1)
    wide = WIDTH / max(1, len(columns.seen))
    parts: list[str] = []
    for at, label in enumerate(labels):
        shapes = [
            _shape(tops[first:last, at], tops[first:last, at + 1], first * wide, wide)
            for first, last in columns.runs
            if (tops[first:last, at + 1] - tops[first:last, at]).max() >= 0.005
        ]
        if shapes:
            parts.append(filled(label, f'd="{"".join(shapes)}"', "path"))
    return "".join(parts)


def _shape(upper: NDArray[np.float64], lower: NDArray[np.float64], x: float, wide: float) -> str:
    """A closed outline: values at the middles of their columns, level to the ends of the run."""
    middles = x + (np.arange(len(upper)) + 0.5) * wide
    xs = np.concatenate(([x], middles, [x + len(upper) * wide]))
    over = np.concatenate((upper[:1], upper, upper[-1:])) * HEIGHT
    under = np.concatenate((lower[:1], lower, lower[-1:])) * HEIGHT
    there = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs, over, strict=True))
    back = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs[::-1], under[::-1], strict=True))
    return f"M{there}L{back}Z"


def filled(label: str, place: str, shape: str = "rect") -> str:
    """A shape in the emotion's colour, and again in its hatching."""
    look = feelings.look(label)
    drawn = f'<{shape} {place} fill="{look.colour}"/>'
    if look.hatch is None:
        return drawn
    return f'{drawn}<{shape} {place} fill="url(#{_id(label)})"/>'


def swatch(label: str, width: int = 18, height: int = 12) -> str:
    """The emotion's colour and hatching alone, for a key."""
    place = f'width="{width}" height="{height}"'
    box = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'<svg {place} {box} aria-hidden="true">{filled(label, place)}</svg>'


def hatches(labels: Iterable[str]) -> str:
    """The patterns that `filled` names, as an SVG without a size: once a page."""
    return f"<defs>{''.join(map(_hatch, labels))}</defs>"


def _hatch(label: str) -> str:
    look = feelings.look(label)
    if look.hatch is None:
        return ""
    return (
        f'<pattern id="{_id(label)}" width="{look.gap}" height="{look.gap}" '
        f'patternUnits="userSpaceOnUse" patternTransform="rotate({look.hatch})">'
        f'<path d="M0 0H{look.gap}" stroke="#fff" stroke-opacity=".55" stroke-width="2"/></pattern>'
    )


def _id(label: str) -> str:
    return "hatch-" + re.sub(r"[^\w-]", "-", label)


def svg(inside: str, told: str = "", height: int = HEIGHT) -> str:
    """A picture that fills its box; without words it is left out for who does not see it."""
    role = f'role="img"><title>{escape(told)}</title>' if told else 'aria-hidden="true">'
    return f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" {role}{inside}</svg>'


def envelope(peaks: NDArray[np.float32]) -> str:
    """float32 (n,), 0 to 1 → the outline of a wave about the middle."""
    xs = np.linspace(0, WIDTH, len(peaks))
    high = np.maximum(peaks / max(float(peaks.max(initial=0)), 1e-6), 0.01) * (HEIGHT / 2 - 2)
    over = " ".join(f"{x:.0f},{HEIGHT / 2 - y:.1f}" for x, y in zip(xs, high, strict=True))
    under = " ".join(
        f"{x:.0f},{HEIGHT / 2 + y:.1f}" for x, y in zip(xs[::-1], high[::-1], strict=True)
    )
    return f'<path class="felt-wave" d="M{over}L{under}Z"/>'


def line(points: Iterable[tuple[float, float] | None]) -> str:
    """Points in the box; None lifts the pen. A stroke keeps its width however it is stretched."""
    drawn = "".join(_strokes(points))
    return f'<path class="felt-line" vector-effect="non-scaling-stroke" d="{drawn}"/>'


def _strokes(points: Iterable[tuple[float, float] | None]) -> Iterator[str]:
    down = False
    for point in points:
        if point is not None:
            yield f"{'L' if down else 'M'}{point[0]:.1f},{point[1]:.1f}"
            if not down:
                yield "h.01"  # a point alone is seen, too
        down = point is not None

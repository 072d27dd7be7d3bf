"""Lines over a common axis, drawn as a picture: a panel each, in the order given."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_COLUMNS = 2
_WIDTH, _HEIGHT = 520, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 40, 36
_INK, _FAINT, _GRID = (40, 40, 46), (130, 130, 140), (228, 228, 232)
_RAW, _SMOOTH = (176, 196, 232), (31, 84, 190)
_SMOOTHED = 40  # points above which a smoothed line is drawn over the raw one


@dataclass(frozen=True)
class Line:
    """points: (x, y), in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


def draw_chart(lines: Sequence[Line], axis: str) -> bytes:
    """A PNG. axis: what x is."""
    rows = -(-len(lines) // _COLUMNS)
    columns = min(_COLUMNS, len(lines))
    image = Image.new("RGB", (columns * _WIDTH, max(1, rows) * _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        left, top = number % _COLUMNS * _WIDTH, number // _COLUMNS * _HEIGHT
        _panel(draw, line, axis, left, top)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _panel(draw: ImageDraw.ImageDraw, line: Line, axis: str, left: int, top: int) -> None:
    box = (left + _LEFT, top + _TOP, left + _WIDTH - _RIGHT, top + _HEIGHT - _BOTTOM)
    xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
    x_range, y_range = _range(xs), _range(ys)
    draw.text((box[0], top + 12), line.name, _INK, _font(15))
    draw.text((box[2], top + 14), f"last {ys[-1]:.4g}", _FAINT, _font(12), anchor="ra")
    for part in range(5):
        y = box[3] - part / 4 * (box[3] - box[1])
        value = y_range[0] + part / 4 * (y_range[1] - y_range[0])
        draw.line((box[0], y, box[2], y), _GRID)
        draw.text((box[0] - 6, y), f"{value:.3g}", _FAINT, _font(11), anchor="rm")
    draw.text((box[0], box[3] + 8), f"{x_range[0]:g}", _FAINT, _font(11))
    draw.text((box[2], box[3] + 8), f"{axis} {x_range[1]:g}", _FAINT, _font(11), anchor="ra")
    many = len(ys) > _SMOOTHED
    _curve(draw, _placed(line.points, x_range, y_range, box), _RAW if many else _SMOOTH)
    if many:
        smooth = tuple(zip(xs, _smoothed(ys), strict=True))
        _curve(draw, _placed(smooth, x_range, y_range, box), _SMOOTH)


def _curve(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: object) -> None:
    if len(points) > 1:
        draw.line(points, colour, 2, joint="curve")  # type: ignore[arg-type]
    else:
        x, y = points[0]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), colour)  # type: ignore[arg-type]


def _placed(
    points: Sequence[tuple[float, float]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    box: tuple[int, int, int, int],
) -> list[tuple[float, float]]:
    def along(value: float, low: float, high: float) -> float:
        return (value - low) / (high - low)

    return [
        (
            box[0] + along(x, *x_range) * (box[2] - box[0]),
            box[3] - along(y, *y_range) * (box[3] - box[1]),
        )
        for x, y in points
    ]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) or abs(high) or 1.0
    return (low, low + room) if high == low else (low, high)


def _smoothed(values: Sequence[float]) -> list[float]:
    """An exponential average over about a twentieth of the line."""
    kept = 1 - 1 / max(2.0, len(values) / 20)
    out, mean = [], values[0]
    for value in values:
        mean = kept * mean + (1 - kept) * value
        out.append(mean)
    return out


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

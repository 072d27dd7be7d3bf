"""A sheet of pictures, each with a few lines below it: as a picture, or as a page of one file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sensorium.views.picture import Font, writing_font
from sensorium.views.thumbnail import jpeg

_SIDE, _GAP, _LINE, _LINES = 200, 12, 17, 4
_COLUMNS = 6


@dataclass(frozen=True)
class Cell:
    """pixels: uint8 (h, w, 3). lines: the first is its name."""

    pixels: NDArray[np.uint8]
    lines: tuple[str, ...]


def draw_sheet(cells: Sequence[Cell]) -> bytes:
    """A PNG, six pictures a row; lines that are too long are cut."""
    columns = min(_COLUMNS, max(1, len(cells)))
    rows = max(1, -(-len(cells) // columns))
    width, height = _SIDE + _GAP, _SIDE + _LINES * _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        x, y = _GAP + number % columns * width, _GAP + number // columns * height
        small = _small(cell)
        sheet.paste(small, (x, y + _SIDE - small.height))
        for line, words in enumerate(_written(pen, cell.lines)[:_LINES]):
            ink = (120, 120, 128) if line == 0 else (30, 30, 36)
            place = (x, y + _SIDE + 4 + line * _LINE)
            pen.text(place, words, ink, writing_font(13)[0])
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    return data.getvalue()


def page_sheet(title: str, cells: Sequence[Cell]) -> str:
    """An HTML page that loads nothing from anywhere."""
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{_base64(cell)}"><figcaption>'
        f"<b>{escape(cell.lines[0])}</b>"
        + "".join(f"<span>{escape(line)}</span>" for line in cell.lines[1:])
        + "</figcaption></figure>"
        for cell in cells
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>body{{font:14px/1.4 system-ui;margin:2rem}}"
        "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:1.5rem}"
        "figure{margin:0}img{width:100%;border-radius:6px}b{color:gray;font-weight:400}"
        "span{display:block}</style></head>"
        f"<body><h1>{escape(title)}</h1><main>{figures}</main></body></html>\n"
    )


def _small(cell: Cell) -> Image.Image:
    picture = Image.fromarray(cell.pixels)
    picture.thumbnail((_SIDE, _SIDE))
    return picture


def _base64(cell: Cell) -> str:
    return base64.b64encode(jpeg(_small(cell))).decode()


def _written(pen: ImageDraw.ImageDraw, lines: tuple[str, ...]) -> list[str]:
    """Lines that fit below a picture, in what the font at hand can write."""
    font, chinese = writing_font(13)
    words = [
        one if chinese else one.encode("latin-1", "replace").decode("latin-1") for one in lines
    ]
    return [_cut(pen, one, font) for one in words]


def _cut(pen: ImageDraw.ImageDraw, words: str, font: Font) -> str:
    if pen.textlength(words, font=font) <= _SIDE:
        return words
    while words and pen.textlength(words + "…", font=font) > _SIDE:
        words = words[:-1]
    return words + "…"

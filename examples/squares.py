"""Draw a folder of captioned pictures that the built-in model confuses: which colour is where.

    python examples/squares.py squares/      # 480 pictures and captions.txt, always the same

`docs/training.md` trains on it.
"""

import sys
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = {
    "red": "#d03030",
    "green": "#3a9a40",
    "blue": "#3050c8",
    "yellow": "#e8d040",
    "orange": "#e8862a",
    "purple": "#7a3a9a",
    "pink": "#f0a0b8",
    "brown": "#7a5230",
    "black": "#181818",
    "white": "#f4f4f4",
}
"""Their names as captions say them."""

NEAR = (
    {"white", "yellow"},
    {"pink", "white"},
    {"red", "orange"},
    {"purple", "blue"},
    {"brown", "black"},
)
"""Colours that people too would hardly tell apart."""

FORMS = ("square", "circle", "triangle", "cross", "ring", "stripe")
SIDE = 192
EDGE = 48
"""Pixels between the form and the edge."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (form, ink, ground) in enumerate(kinds()):
        name = f"{number:03}.png"
        draw(form, COLOURS[ink], COLOURS[ground]).save(folder / name)
        lines.append(f"{name},{article(ink)} {form} on {article(ground)} ground")
    (folder / "captions.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} pictures and captions.txt in {folder}")


def article(colour: str) -> str:
    return f"{'an' if colour[0] == 'o' else 'a'} {colour}"


def kinds() -> Iterator[tuple[str, str, str]]:
    """Form, its colour, the ground's: 6 forms with 80 pairs of colours."""
    for form, (ink, ground) in product(FORMS, permutations(COLOURS, 2)):
        if {ink, ground} not in NEAR:
            yield form, ink, ground


def draw(form: str, ink: str, ground: str) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(picture)
    low, middle, high = EDGE, SIDE // 2, SIDE - EDGE
    box, third = (low, low, high, high), (high - low) // 3
    match form:
        case "square":
            pen.rectangle(box, fill=ink)
        case "circle":
            pen.ellipse(box, fill=ink)
        case "ring":
            pen.ellipse(box, outline=ink, width=third // 2)
        case "triangle":
            pen.polygon([(middle, low), (high, high), (low, high)], fill=ink)
        case "cross":
            pen.rectangle((low + third, low, high - third, high), fill=ink)
            pen.rectangle((low, low + third, high, high - third), fill=ink)
        case "stripe":
            pen.rectangle((0, low + third, SIDE, high - third), fill=ink)
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Tiny checkpoints with random weights, written as the Hub has them; pictures and sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from tokenizers import pre_tokenizers

TEXTS = [
    "a photo of Two Dogs",
    "雪地里的一辆车",
    "x",
    "running, on the GRASS! it's 2 of them " * 6,
    "",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.!'一两只狗猫雪地里的辆车草上跑"


@pytest.fixture(scope="session")
def pictures() -> list[NDArray[np.uint8]]:
    """Wide, high, small, odd and square; smooth, so that resampling has something to do."""
    rng = np.random.default_rng(7)
    made = []
    for height, width in ((60, 101), (97, 40), (17, 23), (33, 33), (32, 48)):
        coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        rows = np.linspace(0, 5, height).round().astype(int)
        columns = np.linspace(0, 5, width).round().astype(int)
        noise = rng.integers(-20, 20, (height, width, 3))
        made.append(np.clip(coarse[rows][:, columns] + noise, 0, 255).astype(np.uint8))
    return made


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


def write_json(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")


@pytest.fixture(scope="session")
def byte_pairs() -> Callable[[Path], None]:
    """Writes CLIP's `vocab.json` and `merges.txt`, with a handful of merges."""

    def write(folder: Path) -> None:
        signs = sorted(pre_tokenizers.ByteLevel.alphabet())
        merges = ["t h", "d o", "do g", "o f</w>", "dog s</w>", "a n"]
        pairs = ["".join(merge.split()) for merge in merges]
        vocabulary = [*signs, *(f"{sign}</w>" for sign in signs), *pairs]
        vocabulary += ["<|startoftext|>", "<|endoftext|>"]
        write_json(folder / "vocab.json", {token: n for n, token in enumerate(vocabulary)})
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")

    return write


@pytest.fixture(scope="session")
def draw_face() -> Callable[[float], NDArray[np.uint8]]:
    """Draws, in 400x400, a face about the middle whose brows are 0.42 and whose chin is 1.1 of the
    given radius above and below it, and whose cheeks are 0.8 of it to the sides."""

    def draw(radius: float) -> NDArray[np.uint8]:
        picture = Image.new("RGB", (400, 400), (90, 110, 130))
        pen = ImageDraw.Draw(picture)

        def oval(x: float, y: float, wide: float, high: float, colour: tuple[int, ...]) -> None:
            places = (x - wide, y - high, x + wide, y + high)
            pen.ellipse([200 + radius * place for place in places], fill=colour)

        oval(0, -0.1, 0.95, 1.25, (60, 40, 30))
        oval(0, 0.05, 0.8, 1.08, (220, 175, 150))
        for side in (-0.36, 0.36):
            oval(side, -0.28, 0.24, 0.13, (150, 105, 90))
            oval(side, -0.42, 0.24, 0.06, (70, 45, 35))
            oval(side, -0.25, 0.16, 0.08, (245, 240, 235))
            oval(side, -0.25, 0.08, 0.08, (30, 20, 20))
        oval(0, 0.0, 0.09, 0.32, (235, 195, 170))
        oval(0, 0.3, 0.18, 0.07, (160, 110, 95))
        oval(0, 0.62, 0.32, 0.09, (150, 60, 60))
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius * 0.03)))

    return draw

"""Pictures with captions, made up: squares of a colour, and sentences that name it."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Networks of these tests are so small that a second thread only waits for the first.
os.environ.setdefault("OMP_NUM_THREADS", "1")

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 50, 220),
    "yellow": (230, 220, 40),
}
ZH = {"red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色"}


def picture(number: int, side: int = 24) -> bytes:
    """A square of the number's colour with some noise, so that no two are alike."""
    noise = np.random.default_rng(number).integers(-20, 20, (side, side, 3))
    colour = np.array(list(COLOURS.values())[number % len(COLOURS)])
    data = io.BytesIO()
    Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def captions(number: int) -> tuple[str, str]:
    """English and Chinese."""
    name = list(COLOURS)[number % len(COLOURS)]
    return f"a {name} square number {number}", f"第{number}个{ZH[name]}方块"


@pytest.fixture(scope="session")
def draw() -> Callable[[int], bytes]:
    return picture


@pytest.fixture(scope="session")
def say() -> Callable[[int], tuple[str, str]]:
    return captions


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 pairs as JSON lines: 32 to train on, 8 to validate on."""
    folder = tmp_path_factory.mktemp("pairs")
    lines = []
    for number in range(40):
        (folder / f"{number}.png").write_bytes(picture(number))
        en, zh = captions(number)
        split = "val" if number >= 32 else "train"
        row = {"id": f"p{number}", "image": f"{number}.png", "split": split}
        lines.append(json.dumps(row | {"captions_en": [en, f"{en}!"], "captions_zh": [zh]}))
    (folder / "pairs.jsonl").write_text("\n".join(lines), "utf-8")
    return folder / "pairs.jsonl"

"""Short runs that truly learn something: each recipe on made-up data that can be learnt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
from sensorium import train  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 50, 220),
    "yellow": (230, 220, 40),
    "white": (245, 245, 245),
    "black": (10, 10, 10),
}
PLACES = {"top": (0, 0), "bottom": (16, 0), "middle": (8, 8)}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 pictures of a square on a ground, and a sentence that says both colours and the place."""
    folder = tmp_path_factory.mktemp("scenes")
    random = np.random.default_rng(0)
    lines = []
    for number in range(600):
        ground, square = random.choice(list(COLOURS), 2, replace=False)
        place = random.choice(list(PLACES))
        pixels = np.empty((32, 32, 3), np.uint8)
        pixels[:] = COLOURS[ground]
        row, column = PLACES[place]
        pixels[row : row + 16, column : column + 16] = COLOURS[square]
        Image.fromarray(pixels).save(folder / f"{number}.png")
        caption = f"a {square} square at the {place} of a {ground} picture"
        split = "val" if number >= 540 else "train"
        lines.append(json.dumps({"image": f"{number}.png", "caption": caption, "split": split}))
    (folder / "scenes.jsonl").write_text("\n".join(lines), "utf-8")
    return folder / "scenes.jsonl"


SETTINGS: dict[str, Any] = {"batch": 32, "width": 64, "heads": 4, "layers": 2, "device": "cpu"}


def test_masked_text_learns_the_grammar(scenes: Path, tmp_path: Path) -> None:
    ended = train.run(
        "masked-text", data=scenes, out=tmp_path, steps=150, lr=3e-3, vocabulary=200, **SETTINGS
    )
    # Colours and places are anyone's guess, every other word follows from where it stands.
    assert ended.figures["hidden pieces named"] > 0.6


def test_masked_image_paints_what_it_cannot_see(scenes: Path, tmp_path: Path) -> None:
    ended = train.run(
        "masked-image",
        data=scenes,
        out=tmp_path,
        steps=150,
        lr=2e-3,
        size=32,
        patch=8,
        hidden=0.5,
        crop=1,
        **SETTINGS,
    )
    assert ended.figures["validation loss"] < 0.5


def test_single_tower_tells_what_belongs_together(scenes: Path, tmp_path: Path) -> None:
    ended = train.run(
        "single-tower",
        data=scenes,
        out=tmp_path,
        steps=300,
        lr=2e-3,
        size=32,
        patch=8,
        crop=1,
        vocabulary=200,
        length=20,
        dropout=0,
        **SETTINGS,
    )
    assert ended.figures["recall@1 of 10"] > 0.6  # 0.1 by chance

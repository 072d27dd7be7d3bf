"""Train, export, index, search: one chain of commands, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 40),
    "blue": (30, 50, 220),
    "yellow": (235, 220, 40),
    "white": (245, 245, 245),
    "black": (10, 10, 10),
}


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have it: pictures, and `captions.txt`, a line a picture."""
    folder = tmp_path_factory.mktemp("captioned")
    random = np.random.default_rng(0)
    lines = []
    for number in range(480):
        ground, square = random.choice(list(COLOURS), 2, replace=False)
        pixels = np.empty((48, 48, 3), np.uint8)
        pixels[:] = COLOURS[ground]
        pixels[12:36, 12:36] = COLOURS[square]
        noise = random.integers(-12, 13, pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        lines.append(f"{number:03}.png,a {square} square on a {ground} ground")
    (folder / "captions.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def sensorium(home: Path, *words: object) -> list[dict[str, Any]]:
    """Run the command with --json; what it says, a value a line."""
    ran = subprocess.run(
        [sys.executable, "-m", "sensorium", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SENSORIUM_HOME": str(home)},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines() if line.strip()]


def test_a_folder_becomes_a_model_that_finds_its_pictures(captioned: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    shape = "--size 48 --patch 12 --width 64 --layers 2 --heads 4 --vocabulary 200 --length 16"
    run = "--steps 400 --batch 48 --lr 2e-3 --crop 1 --validate-every 50 --device cpu --dim 64"
    home = tmp_path / "home"
    where = ("--data", captioned, "--out", out, "--begin", "nothing")
    *_, ended = sensorium(home, "train", "dual-tower", *where, *shape.split(), *run.split())
    assert ended["type"] == "Ended"
    assert ended["figures"]["recall@10"] > 0.8

    sensorium(home, "index", captioned, "--library", "squares", "--model", f"dir:{out}")
    said = dict(line.split(",", 1) for line in _lines(captioned / "captions.txt"))
    asked = sorted(set(said.values()))[::6]  # of thirty kinds five
    first = []
    for words in asked:
        search = ("search", words, "--library", "squares", "--kind", "image", "-k", 3)
        (found,) = sensorium(home, *search)
        first.append(said[Path(found["hits"][0]["path"]).name])
    right = sum(one == words for one, words in zip(first, asked, strict=True))
    assert right >= 4, first


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()

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


@pytest.fixture(scope="session")
def write_graph() -> Callable[..., None]:
    """Writes an ONNX file that takes one array of a shape (0: a free side) and gives the same
    arrays whatever it takes; byte by byte, for the base has no `onnx` to write it with."""

    def varint(value: int) -> bytes:
        low, rest = value & 127, value >> 7
        return bytes([low | 128]) + varint(rest) if rest else bytes([low])

    def number(field: int, value: int) -> bytes:
        return varint(field << 3) + varint(value)

    def block(field: int, *parts: bytes) -> bytes:
        data = b"".join(parts)
        return varint(field << 3 | 2) + varint(len(data)) + data

    def tensor(name: str, shape: tuple[int, ...]) -> bytes:
        axes = [block(1, number(1, side) if side else block(2, b"n")) for side in shape]
        return block(1, name.encode()) + block(2, block(1, number(1, 1), block(2, *axes)))

    def write(
        path: Path,
        shape: tuple[int, ...],
        outputs: dict[str, NDArray[np.float32]],
        name: str = "input",
    ) -> None:
        parts = []
        for one, array in outputs.items():
            kept = (b"kept-" + one.encode(),)
            node = block(1, *kept), block(2, one.encode()), block(4, b"Identity")
            sides = [number(1, side) for side in array.shape]
            raw = block(9, array.astype("<f4").tobytes())
            parts += [block(1, *node), block(5, *sides, number(2, 1), block(8, *kept), raw)]
            parts.append(block(12, tensor(one, array.shape)))
        graph = block(7, *parts, block(2, b"g"), block(11, tensor(name, shape)))
        path.write_bytes(number(1, 8) + graph + block(8, number(2, 17)))

    return write


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[dict[str, Any]]]:
    """What the session of a model is given from now on."""

    def listen(model: Any) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        run = model._session.run

        def heard(feeds: dict[str, Any]) -> Any:
            seen.append(feeds)
            return run(feeds)

        monkeypatch.setattr(model._session, "run", heard)
        return seen

    return listen

"""A tiny data file, and a model whose geometry is known: colours are the axes of its space."""

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.results import Provenance
from sensorium.roles import Floats, Pixels

AXES = ("red", "green", "blue")
NAMED = re.compile(r"(?:(\d+) )?(red|green|blue)")
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (240, 120, 0),
    "grey": (90, 90, 90),
}


class ColourTower:
    """A picture is its mean colour; a text is the weights it gives to red, green and blue.

    `red` is (1, 0, 0) and `2 red 1 green` is (2, 1, 0), both brought to unit length.
    """

    provenance = Provenance("dir:colours", "1")
    dimensions = 3
    image_size = 4
    logit_scale = 10.0
    logit_bias = 0.0

    def __init__(self) -> None:
        self.texts: list[str] = []

    def prepare_image(self, picture: Pixels) -> Floats:
        mean = picture.reshape(-1, 3).mean(axis=0, dtype=np.float32) / 255
        return np.broadcast_to(mean[:, None, None], (3, 4, 4)).astype(np.float32)

    def encode_images(self, tensors: Floats) -> Floats:
        return _unit(tensors.mean(axis=(2, 3)))

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        self.texts += texts
        return _unit(np.array([_weights(text) for text in texts], np.float32))


def _weights(text: str) -> list[float]:
    """The number before an axis's name, 1 where there is none, 0 where it is not named."""
    named = {axis: float(number or 1) for number, axis in NAMED.findall(text)}
    return [named.get(axis, 0.0) for axis in AXES]


def _unit(rows: Floats) -> Floats:
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.fixture
def tower() -> ColourTower:
    return ColourTower()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Encodes a picture of one colour as PNG."""

    def picture(colour: str, width: int = 16, height: int = 12) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (width, height), COLOURS[colour]).save(buffer, "PNG")
        return buffer.getvalue()

    return picture


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns as a parquet file and gives its path."""
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def write(**columns: list[Any]) -> Path:
        path = tmp_path / "data.parquet"
        parquet.write_table(arrow.table(columns), path, row_group_size=2)
        return path

    return write

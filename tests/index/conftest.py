"""Tiny real files and a library of their own for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sensorium.index import Index

Paint = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def index(home: Path) -> Iterator[Index]:
    with Index(home=home) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


@pytest.fixture
def paint() -> Paint:
    """`paint(path, colour, seed)`: a small picture, mostly of one colour; equal seeds are equal."""

    def make(path: Path, colour: tuple[int, int, int] = (200, 30, 30), seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        spots = np.random.default_rng(seed).integers(-4, 5, size=(8, 8, 3))
        blocks = np.clip(np.array(colour) + spots * (seed > 0), 0, 255).astype(np.uint8)
        Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(path)
        return path

    return make


@pytest.fixture
def film() -> Callable[[Path, int], Path]:
    """`film(path, shots)`: a video of two seconds a shot, each shot of a colour of its own."""

    def make(path: Path, shots: int) -> Path:
        with av.open(str(path), "w") as out:
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for number in range(shots * 20):
                level = 20 if number // 20 % 2 else 230
                pixels = np.full((64, 64, 3), level, np.uint8)
                pixels[:, : 8 + number // 20, number // 20 % 3] = 128
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode(None))
        return path

    return make

"""A small real dual tower for everyone: colours and where they lie, and words that name colours."""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from sensorium.results import Provenance
from sensorium.signal.image import Resample, resize

# How long an example takes is told by pytest's own timeout: 200 ms are soon over on a busy machine.
# The suite says the same of the same code; `--hypothesis-profile search` looks further.
settings.register_profile("sensorium", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("sensorium")


def _declare_nms() -> None:
    """torchvision has no build for a CPU-only torch on some indexes: its compiled operators are
    missing and its import fails at `nms`. None of what we call needs them."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision"):
        import torch

        try:
            torch.ops.load_library(_compiled())
        except OSError:
            library = torch.library.Library("torchvision", "DEF")
            for name in ("nms", "qnms"):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _KEPT.append(library)


def _compiled() -> str:
    spec = importlib.util.find_spec("torchvision")
    assert spec and spec.origin
    return str(next(Path(spec.origin).parent.glob("_C*"), Path("torchvision/_C")))


_KEPT: list[Any] = []
_declare_nms()

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 50, 220),
    "yellow": (230, 220, 40),
    "white": (250, 250, 250),
    "black": (5, 5, 5),
}


class ColourTower:
    """Puts a picture where its 8 × 8 colour layout says, and words of colours where a picture of
    that colour lies; other words each have a direction of their own. Counts what it encodes."""

    image_size = 32
    logit_scale = 100.0
    logit_bias = 0.0

    def __init__(self, name: str = "colours", dimensions: int = 64) -> None:
        self.provenance = Provenance(name, revision="1")
        self.dimensions = dimensions
        seed = int.from_bytes(name.encode(), "little") % 2**32
        self._way = np.random.default_rng(seed).normal(size=(192, dimensions))
        self.pictures = 0
        self.texts = 0

    def prepare_image(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = resize(picture, 32, 32, Resample.BOX).astype(np.float32)
        return np.ascontiguousarray(small.transpose(2, 0, 1) / 255 - 0.5)

    def encode_images(self, tensors: NDArray[np.float32]) -> NDArray[np.float32]:
        self.pictures += len(tensors)
        blocks = tensors.reshape(len(tensors), 3, 8, 4, 8, 4).mean((3, 5))
        return _unit(blocks.reshape(len(tensors), -1) @ self._way)

    def embed_images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        rows = [sum(map(self._word, _words(text)), np.zeros(self.dimensions)) for text in texts]
        return _unit(np.stack(rows))

    def _word(self, word: str) -> NDArray[np.float64]:
        if word in COLOURS:
            layout = np.repeat(np.array(COLOURS[word]) / 255 - 0.5, 64)
            return np.asarray(_unit((layout @ self._way)[None])[0], np.float64)
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
        direction = np.random.default_rng(seed).normal(size=self.dimensions)
        return np.asarray(direction / np.linalg.norm(direction) / 4, np.float64)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower()) or [""]


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


@pytest.fixture
def tower() -> ColourTower:
    return ColourTower()


@pytest.fixture(scope="session")
def towers() -> type[ColourTower]:
    """For tests that want more than one: `towers("name", dimensions)`."""
    return ColourTower

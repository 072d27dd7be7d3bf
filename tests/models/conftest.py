"""Tiny checkpoints with random weights, written as the Hub has them; pictures and sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
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

"""Telling shots apart, on arrays alone."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.media.shots import AROUND, HEIGHT, WIDTH, begins

Tiny = NDArray[np.uint8]


def view(seed: int, shift: int = 0) -> Tiny:
    """Soft blobs; another seed is another view."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 9, 3)).astype(float)
    wide = blocks.repeat(HEIGHT // 4, 0).repeat(8, 1)
    return wide[:, shift : shift + WIDTH].astype(np.uint8)


def marks(frames: list[Tiny]) -> list[int]:
    told = list(begins((frame, index) for index, frame in enumerate(frames)))
    assert [index for index, _ in told] == list(range(len(frames)))
    return [index for index, is_first in told if is_first]


def test_cuts() -> None:
    assert marks([view(1)] * 9 + [view(2)] * 9 + [view(3)] * 9) == [9, 18]


def test_movement_is_no_cut() -> None:
    there_and_back = [view(1, abs(8 - index % 16)) for index in range(60)]
    assert marks(there_and_back) == []


def test_noise_and_brightness_are_no_cuts() -> None:
    rng = np.random.default_rng(0)
    base = view(1).astype(float)
    frames = [
        np.clip(base * (1 - index / 120) + rng.normal(0, 4, base.shape), 0, 255).astype(np.uint8)
        for index in range(60)
    ]
    assert marks(frames) == []


def test_a_dissolve_is_told_once_it_rests() -> None:
    one, other = view(1).astype(float), view(2).astype(float)
    steps = np.concatenate([np.zeros(20), np.linspace(0, 1, 30), np.ones(20)])
    found = marks([((1 - step) * one + step * other).astype(np.uint8) for step in steps])
    assert len(found) == 1
    assert 30 <= found[0] <= 55


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_nothing_to_see(grey: int) -> None:
    assert marks([np.full((HEIGHT, WIDTH, 3), grey, np.uint8)] * 20) == []


def test_it_streams() -> None:
    fed = 0

    def endless() -> Iterator[tuple[Tiny, int]]:
        nonlocal fed
        while True:
            fed += 1
            yield view(1), fed

    told = begins(endless())
    assert next(told) == (1, False)
    assert fed == AROUND + 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(6, 12))
@settings(deadline=None)
def test_every_frame_comes_out_once(seeds: list[int], each: int) -> None:
    frames = [view(seed) for seed in seeds for _ in range(each)]
    expected = [index * each for index in range(1, len(seeds)) if seeds[index] != seeds[index - 1]]
    assert marks(frames) == expected

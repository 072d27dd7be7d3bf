import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.signal.image import Resample, centre_crop, normalise, resize, shorter_side


@given(st.integers(1, 500), st.integers(1, 3000), st.integers(1, 3000))
def test_the_shorter_side_is_as_asked_and_the_aspect_kept(
    size: int, width: int, height: int
) -> None:
    made = shorter_side(size, width, height)
    assert min(made) == size
    assert made[0] <= made[1] if width <= height else made[0] >= made[1]
    assert abs(max(made) - size * max(width, height) / min(width, height)) < 1


@given(*[st.integers(1, 40)] * 4, st.booleans())
def test_a_crop_is_the_middle(height: int, width: int, wide: int, high: int, to_even: bool) -> None:
    picture = np.full((height, width, 3), 255, np.uint8)
    made = centre_crop(picture, wide, high, to_even=to_even)
    assert made.shape == (high, wide, 3)
    assert (made == 255).all(-1).sum() == min(height, high) * min(width, wide)
    rows = np.flatnonzero((made == 255).all(-1).any(1))
    assert abs(rows[0] - (high - 1 - rows[-1])) <= 1


def test_normalise_is_its_formula() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    mean = np.array([0.48, 0.46, 0.41], np.float32)
    std = np.array([0.27, 0.26, 0.28], np.float32)
    expected = ((picture / 255 - mean) / std).transpose(2, 0, 1)
    made = normalise(picture, mean, std)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("resample", [Resample.BILINEAR, Resample.BICUBIC, Resample.LANCZOS])
def test_resizing_keeps_a_flat_colour(resample: Resample) -> None:
    picture = np.full((64, 48, 3), (10, 200, 90), np.uint8)
    made = resize(picture, 20, 30, resample)
    assert made.shape == (30, 20, 3)
    assert (made == picture[0, 0]).all()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sensorium.signal.softmax import softmax


@given(arrays(np.float32, st.integers(2, 9), elements=st.floats(-100, 100, width=32)))
def test_chances_sum_to_one_and_a_bias_for_all_cancels_out(logits: NDArray[np.float32]) -> None:
    chances = softmax(logits)
    assert np.isfinite(chances).all() and chances.sum() == pytest.approx(1, abs=1e-5)
    assert chances[np.argmax(logits)] == chances.max()
    assert np.allclose(chances, softmax(logits - np.float32(16.5)), atol=1e-4)


def test_rows_are_each_by_themselves_and_what_cannot_be_has_nothing() -> None:
    assert softmax(np.array([[0.0, -np.inf], [3.0, 3.0]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_kind_of_number_stays(kind: type) -> None:
    assert softmax(np.zeros((2, 3), kind)).dtype == kind

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.signal.boxes import keep_best, overlaps

Floats = NDArray[np.float64]
side = st.integers(0, 20)
box = st.tuples(side, side, st.integers(1, 20), st.integers(1, 20)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def plain(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """By counting cells."""
    a, b = ({(x, y) for x in range(c[0], c[2]) for y in range(c[1], c[3])} for c in (one, other))
    return len(a & b) / len(a | b)


@given(st.lists(box, min_size=1, max_size=4), st.lists(box, min_size=1, max_size=4))
def test_overlaps_are_counted_cells(
    one: list[tuple[int, ...]], other: list[tuple[int, ...]]
) -> None:
    found = overlaps(one, other)
    assert found == pytest.approx(np.array([[plain(a, b) for b in other] for a in one]))


def test_overlap_of_the_smaller() -> None:
    assert overlaps([(0, 0, 10, 10)], [(2, 2, 4, 4), (8, 8, 12, 12)], of_smaller=True).tolist() == [
        [1.0, 0.25]
    ]
    assert overlaps(np.zeros((0, 4)), [(0, 0, 1, 1)]).shape == (0, 1)


@given(st.lists(st.tuples(box, st.floats(0, 1)), max_size=12), st.floats(0.05, 0.9))
def test_what_is_kept_is_apart_and_what_is_not_lay_on_something_surer(
    drawn: list[tuple[tuple[int, ...], float]], most: float
) -> None:
    boxes = np.array([one for one, _ in drawn], float).reshape(-1, 4)
    scores = np.array([score for _, score in drawn])
    kept = keep_best(boxes, scores, most)
    shares = overlaps(boxes, boxes)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for at in range(len(boxes)):
        others = [one for one in kept if one != at]
        if at in kept:
            assert all(shares[at, one] <= most for one in others)
        else:
            assert any(shares[at, one] > most and scores[one] >= scores[at] for one in others)

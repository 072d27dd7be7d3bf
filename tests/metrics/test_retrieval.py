from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.metrics.retrieval import mean_reciprocal_rank, median_rank, ranks, recall_at_k

RANKS = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.bool]]:
    """A similarity with many ties, and which candidates are right: at least one a query."""
    queries, candidates = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    cells = st.lists(st.integers(-2, 2), min_size=candidates, max_size=candidates)
    marks = st.lists(st.booleans(), min_size=candidates, max_size=candidates).filter(any)
    near = draw(st.lists(cells, min_size=queries, max_size=queries))
    right = draw(st.lists(marks, min_size=queries, max_size=queries))
    return np.array(near, np.float32), np.array(right)


def naive_rank(near: list[float], right: list[bool]) -> int:
    """Sort by nearness, wrong before right among the equal; the place of the first right one."""
    order = sorted(zip(near, right, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return 1 + [true for _, true in order].index(True)


@given(tables())
def test_rank_is_the_place_in_the_sorted_list(
    table: tuple[NDArray[np.float32], NDArray[np.bool]],
) -> None:
    near, right = table
    naive = [naive_rank(list(n), list(r)) for n, r in zip(near, right, strict=True)]
    assert ranks(near, right).tolist() == naive


def test_all_alike_is_the_last_place() -> None:
    assert ranks(np.zeros((3, 5)), np.eye(3, 5)).tolist() == [5, 5, 5]


def test_any_right_answer_counts() -> None:
    assert ranks([[0.9, 0.8, 0.7, 0.6]], [[False, True, False, True]]).tolist() == [2]


@given(RANKS, st.integers(1, 20))
def test_recall_counts(places: list[int], k: int) -> None:
    assert recall_at_k(places, k) == sum(place <= k for place in places) / len(places)


@given(RANKS)
def test_mean_reciprocal_rank_is_the_naive_mean(places: list[int]) -> None:
    naive = sum(1 / place for place in places) / len(places)
    assert mean_reciprocal_rank(places) == pytest.approx(naive)


def test_median_rank() -> None:
    assert median_rank([1, 9, 2, 4]) == 3


@pytest.mark.parametrize(
    ("near", "right", "why"),
    [
        ([[0.1, 0.2]], [[True]], "alike"),
        ([[0.1, 0.2]], [[False, False]], "right answer"),
        ([[0.1, float("nan")]], [[True, False]], "not a number"),
    ],
)
def test_misshapen_tables_are_refused(near: Any, right: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ranks(near, right)

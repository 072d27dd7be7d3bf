import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.metrics.detection import Pictured, average_precision, counted, judged

NONE = np.zeros((0, 4))


def at(x: float, side: float = 10) -> list[float]:
    return [x, 0, x + side, side]


def pictured(
    found: list[tuple[float, float]], wanted: list[float], open_: tuple[float, ...] = ()
) -> Pictured:
    """found: place and score."""
    return Pictured(
        np.array([at(x) for x, _ in found]).reshape(-1, 4),
        np.array([score for _, score in found]),
        np.array([at(x) for x in wanted]).reshape(-1, 4),
        np.array([at(x) for x in open_]).reshape(-1, 4),
    )


def test_each_wanted_box_is_found_once_and_open_ones_do_not_count() -> None:
    one = pictured([(0, 0.5), (1, 0.9), (100, 0.8), (200, 0.7)], [0, 50], (200,))
    assert judged(one).tolist() == [0, 1, 0, -1]
    assert counted([one]) == (1, 2, 2)


def test_average_precision_of_known_rankings() -> None:
    assert average_precision([pictured([(0, 0.9), (20, 0.8)], [0, 20])]) == 1
    # right, false, right of two wanted: precision 1 to a recall of 1/2, then 2/3.
    ranked = [pictured([(0, 0.9), (40, 0.8), (20, 0.7)], [0, 20])]
    assert average_precision(ranked) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision([pictured([], [0])]) == 0
    assert np.isnan(average_precision([pictured([(0, 0.5)], [])]))


def test_pictures_are_ranked_together() -> None:
    wrong = pictured([(50, 0.95)], [0])
    right = pictured([(0, 0.9)], [0])
    assert average_precision([wrong, right]) == pytest.approx(0.25)


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.floats(0.01, 1)),
        max_size=8,
        unique_by=lambda one: one[1],
    ),
    st.lists(st.integers(0, 8), min_size=1, max_size=5, unique=True),
)
def test_it_is_the_mean_of_the_best_precisions(
    found: list[tuple[int, float]], wanted: list[int]
) -> None:
    """By its definition: over wanted boxes, the best precision at that recall or more."""
    one = pictured([(20.0 * x, score) for x, score in found], [20.0 * x for x in wanted])
    right = judged(one)[np.argsort(-one.scores, kind="stable")] == 1
    precision = [right[: n + 1].mean() for n in range(len(right))]
    best = [max(precision[n:]) for n in range(len(right)) if right[n]]
    assert average_precision([one]) == pytest.approx(sum(best) / len(wanted))

"""Figures of sentiment on a scale, against what they are by definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.metrics.intensity import (
    accuracy_of_seven,
    correlation,
    mean_absolute_error,
    negative_or_not,
    negative_or_positive,
)

VALUES = st.floats(-5, 5, allow_nan=False)
PAIRS = st.lists(st.tuples(VALUES, st.sampled_from((-3.0, -1.4, -0.2, 0.0, 0.0, 0.6, 1.0, 2.8))))
SOME = PAIRS.filter(bool)


def test_the_two_conventions_differ_over_what_is_neutral() -> None:
    truth, named = [0.0, 0.0, 1.0, -2.0], [-0.1, 0.3, 0.5, -1.0]
    assert negative_or_not(named, truth).accuracy == 0.75
    assert negative_or_not(named, truth).n == 4
    two = negative_or_positive(named, truth)
    assert (two.accuracy, two.f1, two.n) == (1.0, 1.0, 2)


def test_f1_is_weighted_by_class() -> None:
    truth, named = [-1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]
    negative, positive = 2 / 3, 4 / 5
    assert negative_or_not(named, truth).f1 == pytest.approx((negative + 3 * positive) / 4)


def test_seven_steps_are_cut_and_rounded() -> None:
    assert accuracy_of_seven([3.9, -0.4, 1.6, 2.4], [3.0, 0.0, 2.0, 3.0]) == 0.75


@given(SOME)
def test_what_is_right_everywhere_has_the_best_figures(pairs: list[tuple[float, float]]) -> None:
    truth = [right for _, right in pairs]
    assert negative_or_not(truth, truth).accuracy == negative_or_not(truth, truth).f1 == 1
    assert accuracy_of_seven(truth, truth) == 1
    assert mean_absolute_error(truth, truth) == 0
    assert correlation(truth, truth) in (0.0, pytest.approx(1.0))


@given(SOME)
def test_each_figure_is_what_it_is_one_by_one(pairs: list[tuple[float, float]]) -> None:
    named, truth = [one for one, _ in pairs], [right for _, right in pairs]
    n = len(pairs)
    hits = sum((p >= 0) == (t >= 0) for p, t in pairs)
    assert negative_or_not(named, truth).accuracy == pytest.approx(hits / n)
    clear = [(p, t) for p, t in pairs if t != 0]
    two = negative_or_positive(named, truth)
    if clear:
        hits = sum((p > 0) == (t > 0) for p, t in clear)
        assert two.accuracy == pytest.approx(hits / len(clear))
        assert 0 <= two.f1 <= 1
    else:
        assert math.isnan(two.accuracy) and two.n == 0
    assert mean_absolute_error(named, truth) == pytest.approx(sum(abs(p - t) for p, t in pairs) / n)
    steps = sum(round(max(-3, min(3, p))) == round(t) for p, t in pairs)
    assert accuracy_of_seven(named, truth) == pytest.approx(steps / n)


@given(SOME, st.floats(0.1, 9), st.floats(-9, 9))
def test_correlation_knows_no_scale(
    pairs: list[tuple[float, float]], factor: float, offset: float
) -> None:
    named = np.round([one for one, _ in pairs], 3)
    truth = np.array([right for _, right in pairs])
    before = correlation(named, truth)
    assert -1 <= before <= 1
    assert correlation(factor * named + offset, truth) == pytest.approx(before, abs=1e-6)
    assert correlation(-named, truth) == pytest.approx(-before, abs=1e-9)
    if np.ptp(named) > 0 and np.ptp(truth) > 0:
        assert before == pytest.approx(np.corrcoef(named, truth)[0, 1], abs=1e-6)


@pytest.mark.parametrize("rows", [([], []), ([1.0], [1.0, 2.0]), ([float("nan")], [1.0])])
def test_what_cannot_be_compared_is_refused(rows: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match=r"wanted|number"):
        mean_absolute_error(*rows)

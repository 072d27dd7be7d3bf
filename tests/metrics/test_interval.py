import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.metrics.classification import macro_f1
from sensorium.metrics.interval import bootstrap, paired_bootstrap, paired_macro_f1

VALUES = st.lists(st.floats(-10, 10), min_size=1, max_size=30)


def naive_bootstrap(values: list[float], times: int, seed: int) -> tuple[float, float]:
    """One resample after the other, in plain Python."""
    random = np.random.default_rng(seed)
    means = []
    for _ in range(times):
        drawn = [values[place] for place in random.integers(0, len(values), len(values))]
        means.append(sum(drawn) / len(drawn))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@given(VALUES, st.integers(0, 3))
def test_bounds_are_those_of_naive_resampling(values: list[float], seed: int) -> None:
    interval = bootstrap(values, times=50, seed=seed)
    low, high = naive_bootstrap(values, 50, seed)
    assert interval.mean == pytest.approx(sum(values) / len(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    hits = 0
    for trial in range(300):
        interval = bootstrap(random.random(200) < 0.3, times=300, seed=trial)
        hits += interval.low <= 0.3 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98


def test_width_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    interval = bootstrap(values, times=2000)
    width = 2 * 1.96 * values.std() / np.sqrt(values.size)
    assert interval.high - interval.low == pytest.approx(width, rel=0.1)


def test_pairs_show_a_steady_difference_that_the_spread_would_hide() -> None:
    theirs = np.random.default_rng(1).normal(scale=10, size=200)
    ours = theirs + 0.1
    assert paired_bootstrap(ours, theirs).low > 0
    assert bootstrap(ours).low < bootstrap(theirs).mean


def test_a_groups_queries_are_drawn_together() -> None:
    each = np.random.default_rng(2).normal(size=100)
    alone, five_alike = bootstrap(each), bootstrap(each.repeat(5), np.arange(100).repeat(5))
    assert (five_alike.low, five_alike.high) == pytest.approx((alone.low, alone.high))
    assert bootstrap(each.repeat(5)).low > five_alike.low


def test_groups_of_unequal_size_keep_the_mean_over_queries() -> None:
    interval = bootstrap([1, 1, 1, 0], [3, 3, 3, 8], times=4000)
    assert interval.mean == 0.75
    assert (interval.low, interval.high) == (0, 1)


def test_misshapen_input_is_refused() -> None:
    with pytest.raises(ValueError, match="row of values"):
        bootstrap([])
    with pytest.raises(ValueError, match="same queries"):
        paired_bootstrap([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="groups"):
        bootstrap([1.0, 2.0], [1])


@given(st.integers(0, 100))
def test_macro_f1_of_two_is_apart_as_their_own_are(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, ours, theirs = random.integers(0, 3, (3, 40))
    made = paired_macro_f1(ours, theirs, truth, times=20)
    assert made.mean == pytest.approx(macro_f1(ours, truth) - macro_f1(theirs, truth))
    back = paired_macro_f1(theirs, ours, truth, times=20)
    assert (made.low, made.high) == pytest.approx((-back.high, -back.low))


def test_macro_f1_that_is_better_everywhere_is_above_zero() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 300)
    theirs = np.where(random.random(300) < 0.4, (truth + 1) % 3, truth)
    assert paired_macro_f1(truth, theirs, truth).low > 0.2
    same = paired_macro_f1(theirs, theirs, truth, np.arange(300) // 3)
    assert (same.low, same.mean, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="one length"):
        paired_macro_f1([1], [1, 2], [1])

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.metrics.calibration import (
    auroc,
    calibration_error,
    fit_temperature,
    recall_at_false_alarms,
    threshold_at_false_alarms,
)

# Sixteenths: exact in binary, so that a naive sum lands in the same bins; ties are frequent.
SCORES = st.integers(0, 16).map(lambda sixteenth: sixteenth / 16)
PAIRS = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=40)
TWO_GROUPS = PAIRS.filter(lambda pairs: len({true for _, true in pairs}) == 2)
Pairs = list[tuple[float, bool]]


def split(pairs: Pairs) -> tuple[list[float], list[bool]]:
    return [score for score, _ in pairs], [true for _, true in pairs]


def naive_calibration_error(pairs: Pairs, bins: int) -> float:
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [pair for pair in pairs if low < pair[0] <= high or (number == 0 == pair[0])]
        if inside:
            claimed = sum(score for score, _ in inside) / len(inside)
            came_true = sum(true for _, true in inside) / len(inside)
            total += len(inside) / len(pairs) * abs(claimed - came_true)
    return total


def found(pairs: Pairs, threshold: float, group: bool) -> float:
    members = [score for score, true in pairs if true is group]
    return sum(score >= threshold for score in members) / len(members)


@given(PAIRS, st.sampled_from([1, 2, 8, 16]))
def test_calibration_error_is_the_naive_sum(pairs: Pairs, bins: int) -> None:
    naive = naive_calibration_error(pairs, bins)
    assert calibration_error(*split(pairs), bins=bins) == pytest.approx(naive, abs=1e-12)


def test_calibration_error_by_hand() -> None:
    # Two claims of 0.9 of which one holds, two of 0.1 of which none does: (0.8 + 0.2) / 4.
    assert calibration_error([0.9, 0.9, 0.1, 0.1], [1, 0, 0, 0]) == pytest.approx(0.25)


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_a_temperature_is_that_of_a_grid(seed: int, sharper: float) -> None:
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(60, 4)) * 2
    truth = (logits + chance.gumbel(size=logits.shape)).argmax(axis=1)
    logits *= sharper
    # A class may be no candidate in a row, but for the true one.
    foreign = chance.random(logits.shape) < 0.2
    foreign[np.arange(60), truth] = False
    logits[foreign] = -np.inf

    def surprise(heat: float) -> float:
        lost = 0.0
        for row, label in zip(logits / heat, truth, strict=True):
            lost += math.log(sum(math.exp(one - row[label]) for one in row))
        return lost

    grid = np.geomspace(0.1, 15, 150).tolist()
    best = min(grid, key=surprise)
    heat = fit_temperature(logits, truth)
    assert heat == pytest.approx(best, rel=grid[1] / grid[0] - 1)
    assert surprise(heat) <= surprise(best)


def test_a_temperature_that_would_go_on_for_ever_ends() -> None:
    logits = np.eye(3) * 4
    assert fit_temperature(logits, [0, 1, 2]) == pytest.approx(1 / 20)
    assert fit_temperature(logits, [1, 2, 0]) == pytest.approx(20)
    with pytest.raises(ValueError, match="not a number"):
        fit_temperature([[-math.inf, 1.0]], [0])
    with pytest.raises(ValueError, match="do not fit"):
        fit_temperature(logits, [0, 1])


@given(TWO_GROUPS)
def test_auroc_is_the_share_of_ordered_pairs(pairs: Pairs) -> None:
    positives = [score for score, true in pairs if true]
    negatives = [score for score, true in pairs if not true]
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    assert auroc(*split(pairs)) == pytest.approx(wins / len(positives) / len(negatives))


@given(TWO_GROUPS, st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0]))
def test_recall_at_false_alarms_is_the_best_over_thresholds(pairs: Pairs, rate: float) -> None:
    levels = [*(score for score, _ in pairs), math.inf]
    best = max(found(pairs, t, True) for t in levels if found(pairs, t, False) <= rate)
    assert recall_at_false_alarms(*split(pairs), rate) == best


@given(TWO_GROUPS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_threshold_keeps_the_rate(pairs: Pairs, rate: float) -> None:
    threshold = threshold_at_false_alarms(*split(pairs), rate)
    assert found(pairs, threshold, False) <= rate


@pytest.mark.parametrize("measure", [auroc, lambda s, p: recall_at_false_alarms(s, p, 0.05)])
def test_one_group_alone_cannot_be_told_apart(measure: Any) -> None:
    with pytest.raises(ValueError, match="both"):
        measure([0.1, 0.2], [True, True])


@pytest.mark.parametrize("values", [[], [[0.1]], [0.1, 0.2], [math.nan]])
def test_misshapen_input_is_refused(values: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"wanted|not a number"):
        calibration_error(np.array(values), [True])


def test_a_claim_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration_error([1.5], [True])

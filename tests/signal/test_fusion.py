import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sensorium.signal.fusion import Fusion, Kind, Track, apart, evidence, fuse, mean_track

LABELS = 4


def track(*rows: list[float] | None) -> Track:
    """None: not seen."""
    chances = np.array([row or [0.0] * LABELS for row in rows])
    return Track(chances, np.array([row is not None for row in rows]))


SURE, EVEN = [0.7, 0.1, 0.1, 0.1], [0.25] * 4
chances = arrays(np.float64, (3, LABELS), elements=st.floats(0.1, 1)).map(
    lambda rows: rows / rows.sum(axis=1, keepdims=True)
)


@given(chances, chances, chances)
def test_it_is_bayes_rule_for_independent_signs(
    one: np.ndarray, other: np.ndarray, third: np.ndarray
) -> None:
    prior = third[0]
    kinds = {name: Kind(prior=tuple(prior)) for name in ("a", "b")}
    seen = np.ones(3, bool)
    told = fuse({"a": Track(one, seen), "b": Track(other, seen)}, Fusion(kinds, tuple(prior)))
    product = one * other / prior
    np.testing.assert_allclose(told.chances, product / product.sum(1, keepdims=True), rtol=1e-6)


@given(chances)
def test_one_sign_alone_is_itself(one: np.ndarray) -> None:
    told = fuse({"a": Track(one, np.ones(3, bool))}, Fusion())
    np.testing.assert_allclose(told.chances, one, rtol=1e-6)


def test_what_is_not_seen_says_nothing() -> None:
    told = fuse({"a": track(SURE, None, None), "b": track(None, SURE[::-1], None)}, Fusion())
    np.testing.assert_allclose(told.chances, np.array([SURE, SURE[::-1], [0.0] * 4]), rtol=1e-6)
    assert told.seen.tolist() == [True, True, False]


def test_agreeing_signs_are_surer_and_even_ones_change_nothing() -> None:
    agreeing = fuse({"a": track(SURE), "b": track(SURE)}, Fusion())
    assert agreeing.chances[0, 0] > 0.9
    even = fuse({"a": track(SURE), "b": track(EVEN)}, Fusion())
    np.testing.assert_allclose(even.chances, [SURE], rtol=1e-6)


def test_weights_and_temperatures_temper() -> None:
    assert not evidence(track(SURE), Kind(weight=0.0)).any()
    sharp = fuse({"a": track(SURE)}, Fusion({"a": Kind(temperature=0.5)}))
    mild = fuse({"a": track(SURE)}, Fusion({"a": Kind(temperature=4.0)}))
    assert sharp.chances[0, 0] > 0.9 > 0.5 > mild.chances[0, 0]


def test_a_label_that_a_model_does_not_know() -> None:
    few = track([0.5, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(fuse({"a": few}, Fusion()).chances, [[0.5, 0.5, 0, 0]])
    both = fuse({"a": few, "b": track([0.1, 0.1, 0.1, 0.7])}, Fusion())
    assert both.chances[0].argmax() == 3
    assert fuse({"a": track([0.0] * 4)}, Fusion()).chances.sum() == 0


def test_smoothing_looks_at_near_steps_that_were_seen() -> None:
    rows = [SURE, SURE, SURE[::-1], SURE, SURE, None, None, None, None, None, SURE[::-1]]
    told = fuse({"a": track(*rows)}, Fusion(seconds=1.0), every=1.0)
    assert told.chances[2].argmax() == 0  # one step that strays
    assert told.seen.tolist() == [row is not None for row in rows]
    np.testing.assert_allclose(told.chances[10], SURE[::-1], rtol=1e-2)
    rough = fuse({"a": track(*rows)}, Fusion(seconds=1.0), every=60.0)
    assert rough.chances[2].argmax() == 3


def test_the_mean_of_faces_is_over_those_that_are_seen() -> None:
    told = mean_track([track(SURE, SURE, None), track(SURE[::-1], None, None)])
    np.testing.assert_allclose(told.chances, np.array([[0.4, 0.1, 0.1, 0.4], SURE, [0.0] * 4]))
    assert told.seen.tolist() == [True, True, False]


@given(chances)
def test_how_far_readings_are_apart(rows: np.ndarray) -> None:
    one, other, _ = rows
    assert apart(one, one) == pytest.approx(0, abs=1e-9)
    assert apart(one, other) == pytest.approx(apart(other, one), abs=1e-9)
    assert 0 <= apart(one, other) + 1e-9 <= 1 + 1e-6
    assert apart(np.array([1.0, 0]), np.array([0, 1.0])) == pytest.approx(1)

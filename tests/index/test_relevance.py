from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.index.relevance import (
    FEATURES,
    FILE,
    Figures,
    Relevance,
    fit,
    hubness,
    place_of,
    relevance_of,
    sigmoid,
)
from sensorium.results import Provenance
from sensorium.runtime.checkpoint import digest


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    made: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype("f4")
    return made


def made(revision: str = "r1") -> Relevance:
    bank = unit(np.random.default_rng(0).normal(size=(40, 8))).astype(np.float16)
    figures = Figures(
        auroc=0.9,
        ece=0.02,
        recall=0.5,
        false_alarms=0.04,
        told_nothing=0.3,
        missed=0.05,
        searches=100,
        data="photos.parquet",
    )
    return Relevance(
        "dir:here", revision, (-3.0, 10.0, 0.5, -0.2), 0.4, 0.1, bank.astype(np.float32), figures
    )


def test_the_logistic_finds_the_odds_that_made_the_labels() -> None:
    random = np.random.default_rng(1)
    rows = np.column_stack(
        [np.ones(40_000), random.normal(3, 2, 40_000), random.normal(0, 9, 40_000)]
    )
    truth = np.array([-2.0, 0.8, -0.1])
    labels = random.random(40_000) < sigmoid(rows @ truth)
    assert fit(rows, labels, ridge=0) == pytest.approx(truth, abs=0.06)


def test_what_is_claimed_comes_true_on_average() -> None:
    """The maximum of the likelihood has the labels' own mean, and each feature's."""
    random = np.random.default_rng(2)
    rows = np.column_stack([np.ones(500), random.normal(size=(500, 2))])
    labels = random.random(500) < 0.3
    claimed = sigmoid(rows @ fit(rows, labels, ridge=0))
    assert rows.T @ claimed == pytest.approx(rows.T @ labels, abs=1e-6)


def test_classes_apart_still_give_finite_odds() -> None:
    rows = np.column_stack([np.ones(20), np.arange(20.0)])
    coefficients = fit(rows, np.arange(20) >= 10)
    claimed = sigmoid(rows @ coefficients)
    assert np.isfinite(coefficients).all()
    assert (np.diff(claimed) > 0).all()
    assert claimed[9] < 0.5 < claimed[10]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_probability_is_one(values: list[float]) -> None:
    claimed = sigmoid(np.array(values))
    assert ((claimed >= 0) & (claimed <= 1)).all()


def test_a_hub_is_near_to_every_sentence() -> None:
    random = np.random.default_rng(3)
    middle = random.normal(size=16)
    bank = unit(middle + random.normal(size=(200, 16)))
    pictures = unit(np.stack([middle, -middle, random.normal(size=16)]))
    near = hubness(pictures, bank)
    assert near[0] > near[2] > near[1]
    assert near[0] == pytest.approx(np.sort(bank @ pictures[0])[-10:].mean())
    assert hubness(pictures, bank[:1]) == pytest.approx(pictures @ bank[0])


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(50, 10**6))
def test_relevance_rises_with_what_speaks_for_it(hits: int, items: int) -> None:
    relevance = made()
    random = np.random.default_rng(hits)
    values = unit(random.normal(size=(hits, 8)))
    scores = np.full(hits, 0.3, np.float32)
    others = random.normal(0.1, 0.05, 100).astype(np.float32)
    base = relevance.of(values, scores, others, items)
    assert base.shape == (hits,)
    assert (relevance.of(values, scores + 0.1, others, items) > base).all()
    assert (relevance.of(values, scores, others - 0.1, items) > base).all()
    assert (relevance.of(values, scores, others, items * 2) < base).all()


def test_to_json_and_back() -> None:
    relevance = made()
    again = Relevance.from_json(relevance.to_json())
    assert (again.coefficients, again.cut_off, again.figures) == (
        relevance.coefficients,
        relevance.cut_off,
        relevance.figures,
    )
    assert np.array_equal(again.bank, relevance.bank)
    assert len(FEATURES) == len(again.coefficients)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', "not json"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        Relevance.from_json(text)


def test_it_is_kept_by_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    assert relevance_of(Provenance("dir:here", "r1")) is None
    made("r1").save(place_of("r1"))
    found = relevance_of(Provenance("dir:anywhere", "r1"))
    assert found is not None
    assert found.cut_off == 0.4
    assert relevance_of(Provenance("dir:here", "r2")) is None


def test_a_fit_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    place_of("r1").parent.mkdir()
    place_of("r1").write_text("{}")
    with pytest.warns(match="r1.json"):
        assert relevance_of(Provenance("dir:here", "r1")) is None


def test_it_comes_with_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path / "home"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    revision = digest(folder)
    made(revision).save(folder / FILE)
    assert digest(folder) == revision  # a fit is no change of the model
    assert relevance_of(Provenance(f"dir:{folder}", revision)) is not None
    (folder / "config.json").write_text('{"dim": 8}')
    assert relevance_of(Provenance(f"dir:{folder}", digest(folder))) is None

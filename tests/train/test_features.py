"""Files of features as MMSA and MulT have them, generated here."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.train.features import read_features


def part(n: int, seed: int = 0, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "text": rng.normal(size=(n, 5, 4)).astype(np.float32),
        "audio": rng.normal(size=(n, 7, 3)),
        "vision": rng.normal(size=(n, 6, 2)).astype(np.float32),
        "id": np.array([f"v$_${i}" for i in range(n)]),
        "raw_text": [f"text {i}" for i in range(n)],
        "regression_labels": rng.uniform(-3, 3, n).astype(np.float32),
    } | more


def write(path: Path, **parts: Any) -> Path:
    data = {"train": part(8), "valid": part(4, 1), "test": part(4, 2)} | parts
    (path / "features.pkl").write_bytes(pickle.dumps(data, 4))
    return path / "features.pkl"


def test_parts_are_read(tmp_path: Path) -> None:
    made = read_features(write(tmp_path))
    assert [len(made[name]) for name in ("train", "valid", "test")] == [8, 4, 4]
    np.testing.assert_array_equal(made["train"].steps["text"], part(8)["text"])
    assert made["train"].steps["audio"].dtype == np.float32
    np.testing.assert_array_equal(made["test"].labels, part(4, 2)["regression_labels"])


def test_labels_of_mult_and_one_step_an_item(tmp_path: Path) -> None:
    labels = np.linspace(-3, 3, 8).reshape(8, 1, 1)
    made = part(8, labels=labels, audio=np.ones((8, 3)))
    del made["regression_labels"]
    train = read_features(write(tmp_path, train=made))["train"]
    np.testing.assert_allclose(train.labels, np.linspace(-3, 3, 8), atol=1e-6)
    assert train.steps["audio"].shape == (8, 1, 3)


def test_numbers_that_are_none_become_zero(tmp_path: Path) -> None:
    audio = part(8)["audio"]
    audio[0, 0], audio[1, 1, 1] = -np.inf, np.nan
    made = read_features(write(tmp_path, train=part(8, audio=audio)))["train"].steps["audio"]
    assert np.isfinite(made).all() and not made[0, 0].any() and made[1, 1, 1] == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"audio": np.ones((7, 7, 3))}, "for 8 labels"),
        ({"audio": np.ones((8, 7, 9))}, "numbers a step"),
        ({"audio": [[1.0], [1.0, 2.0]]}, "no array"),
        ({"text": np.array(["a"] * 8)}, "holds no numbers"),
        ({"regression_labels": np.full(8, np.nan)}, "no number"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_features(write(tmp_path, train=part(8, **wrong)))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    bare = part(8)
    del bare["vision"], bare["regression_labels"]
    with pytest.raises(InputError, match="lacks vision, labels"):
        read_features(write(tmp_path, train=bare))
    with pytest.raises(InputError, match="no file of features"):
        read_features(write(tmp_path, valid=None))
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match="no file of features"):
        read_features(tmp_path / "list.pkl")

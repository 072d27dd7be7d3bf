"""The recipe of fusion, on files of features generated here."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from sensorium import train  # noqa: E402
from sensorium.errors import InputError  # noqa: E402
from sensorium.runtime.onnx import OnnxSession  # noqa: E402
from sensorium.train.fusion_net import Concatenation, CrossModal, subsets  # noqa: E402
from sensorium.train.recipes.fusion import SUBSETS  # noqa: E402

WIDTHS = {"text": 6, "audio": 4, "vision": 3}
LENGTHS = {"text": 5, "audio": 8, "vision": 7}
SMALL: dict[str, Any] = {
    "steps": 2,
    "batch": 8,
    "width": 8,
    "heads": 2,
    "layers": 1,
    "seeds": 2,
    "validate_every": 1,
    "device": "cpu",
}


def part(n: int, seed: int) -> dict[str, Any]:
    """Each kind of sign has a third of the label in its first number, where it has steps."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform(-3, 3, n).round(1)
    made: dict[str, Any] = {"regression_labels": labels.astype(np.float32)}
    for name, width in WIDTHS.items():
        steps = rng.normal(size=(n, LENGTHS[name], width)) * 20
        steps[..., 0] = labels[:, None] + rng.normal(size=(n, LENGTHS[name])) * 2
        for row in range(n):
            steps[row, rng.integers(2, LENGTHS[name] + 1) :] = 0
        made[name] = steps.astype(np.float32)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("features") / "made.pkl"
    parts = {name: part(n, n) for name, n in (("train", 120), ("valid", 40), ("test", 41))}
    path.write_bytes(pickle.dumps(parts, 4))
    return path


def examples() -> dict[str, Any]:
    return {name: torch.from_numpy(part(6, 0)[name]) for name in WIDTHS}


@pytest.mark.parametrize("net", ["concatenation", "cross-modal"])
@pytest.mark.parametrize("target", ["score", "class"])
def test_two_steps(tmp_path: Path, data: Path, net: str, target: str) -> None:
    fields = SMALL | {"net": net, "target": target}
    ended = train.run("fusion", data=str(data), out=tmp_path, **fields)
    assert (ended.step, ended.why) == (2, "done")
    told = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert list(told) == list(SUBSETS) and len(told) == 7
    for figures in told.values():
        for one in figures.values():
            assert len(one["each"]) == 2
            assert one["mean"] == pytest.approx(np.mean(one["each"]))
            assert one["spread"] == pytest.approx(np.std(one["each"], ddof=1))
    named = set(told["text + audio + vision"])
    if target == "class":
        assert named == {"accuracy", "macro F1"}
    else:
        assert {"accuracy, negative or not", "accuracy of seven", "correlation"} <= named
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "| test, text + audio + vision, 2 seeds |" in card and "±" in card
    feeds = {name: part(3, 1)[name] for name in WIDTHS} | {"present": np.ones((3, 3), bool)}
    answer = OnnxSession(tmp_path / "model.onnx").run(feeds)["answer"]
    assert answer.shape == (3, 3 if target == "class" else 1)


def test_it_learns(tmp_path: Path, data: Path) -> None:
    fields = SMALL | {"net": "concatenation", "steps": 150, "seeds": 1, "validate_every": 50}
    ended = train.run("fusion", data=str(data), out=tmp_path, lr=1e-2, dropout=0.0, **fields)
    assert ended.before["correlation"] < 0.6 < 0.8 < ended.figures["correlation"]
    told = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert told["text"]["correlation"]["mean"] > 0.5  # two kinds of sign are missing


def test_a_run_goes_on_where_it_was(tmp_path: Path, data: Path) -> None:
    """Other seeds are not trained again."""
    fields = SMALL | {"net": "concatenation"}
    train.run("fusion", data=str(data), out=tmp_path, **fields)
    kept = tmp_path / "work" / "seed-1" / "figures.json"
    before = kept.stat().st_mtime_ns
    (tmp_path / "figures.json").unlink()
    train.run("fusion", data=str(data), out=tmp_path, **fields)
    assert kept.stat().st_mtime_ns == before and (tmp_path / "figures.json").is_file()


@pytest.mark.parametrize("net", [Concatenation, CrossModal])
def test_what_is_absent_is_not_looked_at(net: Any) -> None:
    torch.manual_seed(0)
    size = (8, 0.0, 1) if net is Concatenation else (8, 2, 1, 0.0, 1)
    model = net(examples(), *size).eval()
    whole = list(examples().values())
    present = torch.tensor([[True, False, True]] * 6)
    other = [whole[0], torch.randn_like(whole[1]), whole[2]]
    none = [whole[0], torch.zeros_like(whole[1]), whole[2]]
    with torch.no_grad():
        told = model(*whole, present)
        torch.testing.assert_close(model(*other, present), told)
        # Zeros alone are no sign: as if it were said to be absent.
        torch.testing.assert_close(model(*none, torch.ones(6, 3, dtype=torch.bool)), told)
        assert (model(*whole, torch.ones(6, 3, dtype=torch.bool)) - told).abs().max() > 1e-4


@pytest.mark.parametrize("net", [Concatenation, CrossModal])
def test_padding_changes_nothing(net: Any) -> None:
    torch.manual_seed(0)
    size = (8, 0.0, 1) if net is Concatenation else (8, 2, 1, 0.0, 1)
    model = net(examples(), *size).eval()
    whole = list(examples().values())
    longer = [torch.cat([one, torch.zeros_like(one)], 1) for one in whole]
    present = torch.ones(6, 3, dtype=torch.bool)
    with torch.no_grad():
        torch.testing.assert_close(model(*longer, present), model(*whole, present))


def test_sets_of_signs_have_names() -> None:
    assert subsets(["a", "b"]) == {"a + b": [True, True],
                                   "b": [False, True], "a": [True, False]}  # fmt: skip


def test_what_does_not_fit_is_said(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="divide the width"):
        train.run("fusion", data=str(data), out=tmp_path / "a", **(SMALL | {"heads": 3}))
    with pytest.raises(InputError, match="one file"):
        train.run("fusion", data=[str(data), str(data)], out=tmp_path / "b", **SMALL)

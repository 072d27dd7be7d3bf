"""Two steps of every recipe here, and what its folder then holds."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from sensorium import train  # noqa: E402
from sensorium.errors import InputError, NotFound  # noqa: E402
from sensorium.models import open as open_model  # noqa: E402
from sensorium.roles import DualTower  # noqa: E402
from sensorium.runtime.onnx import OnnxSession  # noqa: E402

SMALL: dict[str, Any] = {
    "steps": 2,
    "batch": 4,
    "layers": 1,
    "width": 16,
    "heads": 2,
    "validate_every": 1,
    "device": "cpu",
}
PICTURES: dict[str, Any] = SMALL | {"size": 16, "patch": 8}
TEXTS: dict[str, Any] = SMALL | {"vocabulary": 200, "length": 16}


def check(out: Path, recipe: str, ended: Any) -> OnnxSession:
    names = {path.name for path in out.iterdir()}
    assert {"README.md", "run.toml", "config.json", "curves.png", "best.pt", "ids.txt.gz"} <= names
    assert ended.why == "done"
    assert ended.step == 2
    told = tomllib.loads((out / "run.toml").read_text("utf-8"))
    assert told["recipe"] == recipe
    assert told["width"] == 16
    card = (out / "README.md").read_text("utf-8")
    assert all(name in card for name in ended.figures)
    return OnnxSession(out / "model.onnx")


def test_masked_text(tmp_path: Path, pairs_file: Path) -> None:
    ended = train.run("masked-text", data=str(pairs_file), out=tmp_path, **TEXTS)
    session = check(tmp_path, "masked-text", ended)
    ids = np.array([[2, 7, 8, 3]] * 3, np.int64)
    logits = session.run({"ids": ids, "seen": np.ones_like(ids, bool)})["logits"]
    assert logits.shape[:2] == (3, 4)


def test_masked_text_reads_plain_lines(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a dog runs\n一只狗在跑\n" * 40, "utf-8")
    ended = train.run("masked-text", data=tmp_path / "lines.txt", out=tmp_path / "out", **TEXTS)
    check(tmp_path / "out", "masked-text", ended)


def test_masked_image(tmp_path: Path, pairs_file: Path) -> None:
    ended = train.run("masked-image", data=str(pairs_file), out=tmp_path, painter=1, **PICTURES)
    session = check(tmp_path, "masked-image", ended)
    pixels = np.zeros((5, 3, 16, 16), np.float32)
    assert session.run({"pixels": pixels})["embedding"].shape == (5, 16)


def test_single_tower(tmp_path: Path, pairs_file: Path) -> None:
    ended = train.run(
        "single-tower", data=str(pairs_file), out=tmp_path, ema=0.9, **(TEXTS | PICTURES)
    )
    session = check(tmp_path, "single-tower", ended)
    ids = np.array([[2, 7, 8, 3]] * 3, np.int64)
    feeds: dict[str, Any] = {
        "pixels": np.zeros((3, 3, 16, 16), np.float32),
        "ids": ids,
        "seen": ids > 0,
    }
    assert session.run(feeds)["match"].shape == (3,)


@pytest.mark.parametrize(
    ("recipe", "fields", "training"),
    [
        ("masked-text", TEXTS, "dual-tower --text"),
        ("masked-image", PICTURES, "dual-tower --image"),
        ("single-tower", TEXTS | PICTURES, "single-tower --begin"),
    ],
)
def test_a_finished_run_is_a_start_and_no_model(
    tmp_path: Path, pairs_file: Path, recipe: str, fields: dict[str, Any], training: str
) -> None:
    first, second, data = tmp_path / "first", tmp_path / "second", str(pairs_file)
    made = train.run(recipe, data=data, out=first, **fields)
    begun = fields | {"begin": f"dir:{first}", "width": 32, "layers": 2}
    ended = train.run(recipe, data=data, out=second, **begun)
    assert ended.before == pytest.approx(made.figures)
    shape = json.loads((second / "config.json").read_text("utf-8"))
    assert (shape["width"], shape["layers"]) == (16, 1)
    assert f"| start | `dir:{first}` |" in (second / "README.md").read_text("utf-8")
    with pytest.raises(InputError, match="a start for training") as raised:
        open_model(f"dir:{first}", DualTower)
    assert raised.value.hint == f"sensorium train {training} dir:{first}"


def test_a_run_of_another_recipe_is_no_start(tmp_path: Path, pairs_file: Path) -> None:
    first = tmp_path / "first"
    train.run("masked-text", data=str(pairs_file), out=first, **TEXTS)
    with pytest.raises(InputError, match="cannot be begun with") as raised:
        train.run(
            "masked-image",
            data=str(pairs_file),
            out=tmp_path / "second",
            begin=f"dir:{first}",
            **PICTURES,
        )
    assert raised.value.why == "no run of masked-image ended there"


def test_a_folder_goes_on_with_its_own_run_only(tmp_path: Path, pairs_file: Path) -> None:
    train.run("masked-text", data=str(pairs_file), out=tmp_path, **TEXTS)
    again = train.run("masked-text", data=str(pairs_file), out=tmp_path, **TEXTS)
    assert again.step == 2
    with pytest.raises(InputError, match="another run") as raised:
        train.run("masked-text", data=str(pairs_file), out=tmp_path, lr=0.1, **TEXTS)
    assert "lr" in raised.value.why


def test_rows_left_out_are_listed(tmp_path: Path, pairs_file: Path) -> None:
    rows = pairs_file.read_text("utf-8") + '\n{"image": "gone.png", "caption": "x"}'
    (pairs_file.parent / "more.jsonl").write_text(rows, "utf-8")
    ended = train.run("masked-text", data=pairs_file.parent / "more.jsonl", out=tmp_path, **TEXTS)
    assert ended.left_out == 1
    told = tmp_path / "bad-rows.txt"
    assert "more.jsonl, line 41: gone.png" in told.read_text("utf-8")
    told.write_text("a row that was met before an interruption\n" + told.read_text("utf-8"))
    again = train.run("masked-text", data=pairs_file.parent / "more.jsonl", out=tmp_path, **TEXTS)
    assert again.left_out == 2


def test_rows_of_the_held_part_are_counted_too(tmp_path: Path, pairs_file: Path) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "good.png").write_bytes((pairs_file.parent / "0.png").read_bytes())
    (tmp_path / "held" / "broken.png").write_bytes(b"broken")
    val, out = str(tmp_path / "held"), tmp_path / "out"
    ended = train.run("masked-image", data=str(pairs_file), val=val, out=out, **PICTURES)
    assert ended.left_out == 1
    assert "broken.png" in (out / "bad-rows.txt").read_text("utf-8")


def test_unknown_recipes_and_fields(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no “nonsense”"):
        train.run("nonsense")
    with pytest.raises(InputError, match="“stps” is no field") as raised:
        train.run("masked-text", data="x", out=tmp_path, stps=3)
    assert "steps" in raised.value.hint


@pytest.mark.parametrize(
    ("recipe", "fields"),
    [
        ("masked-text", TEXTS | {"heads": 3}),
        ("masked-image", PICTURES | {"patch": 7}),
        ("masked-text", TEXTS | {"tokenizer": "nowhere.json"}),
    ],
)
def test_fields_that_do_not_go_together(
    tmp_path: Path, pairs_file: Path, recipe: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"3 heads|patches of 7|nowhere\.json is no tokenizer"):
        train.run(recipe, data=str(pairs_file), out=tmp_path, **fields)


@pytest.mark.parametrize("name", train.RECIPES.own)
def test_data_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    with pytest.raises(NotFound, match=r"nowhere\.parquet does not exist"):
        train.stream(name, data=str(tmp_path / "nowhere.parquet"), out=out)
    assert not out.exists()


def test_names_cost_no_torch() -> None:
    code = "import sys, sensorium.train as t; print(*t.RECIPES); assert 'torch' not in sys.modules"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "masked-text" in told.stdout

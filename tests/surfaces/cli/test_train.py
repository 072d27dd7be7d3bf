"""`sensorium train` as a person types it, in a Python without torch as in one with it."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from sensorium import train
from sensorium.errors import SensoriumError

Run = Callable[..., CompletedProcess[bytes]]
torchless = pytest.mark.skipif(bool(importlib.util.find_spec("torch")), reason="torch is here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"a picture {number}\n第{number}张", "utf-8")
    (tmp_path / "3.png").write_bytes(b"broken")
    return tmp_path


def test_recipes_are_listed_without_torch(sensorium: Run) -> None:
    told = sensorium("train", "--help").stdout.decode()
    for name in ("masked-text", "masked-image", "single-tower", "check", "prepare"):
        assert name in told


@torchless
def test_without_torch_it_says_what_to_install(sensorium: Run, folder: Path) -> None:
    ended = sensorium("train", "masked-text", "--data", str(folder), "--out", str(folder / "out"))
    assert ended.returncode == 1
    assert b"it needs torch" in ended.stderr
    assert b"sensorium[train]" in ended.stderr


@torchless
def test_without_torch_python_says_so_too(folder: Path) -> None:
    with pytest.raises(SensoriumError, match="cannot be trained here") as told:
        train.run("dual-tower", data=str(folder), out=str(folder / "out"))
    assert told.value.hint == 'pip install "sensorium[train]"'


def test_an_unknown_recipe(sensorium: Run) -> None:
    ended = sensorium("train", "nonsense")
    assert ended.returncode == 3
    assert "there is no recipe “nonsense”" in ended.stderr.decode()
    assert b"try    masked-text" in sensorium("train", "maskd-text").stderr


def test_check(sensorium: Run, folder: Path) -> None:
    sheet = folder.parent / "sheet.html"
    ended = sensorium("train", "check", str(folder), "--sheet", str(sheet))
    told = ended.stdout.decode()
    assert ended.returncode == 0
    assert "3 en, 3 zh" in told
    assert "unreadable 1 pictures that cannot be decoded" in told
    assert "3.png: it is no picture that we read" in told
    assert sheet.read_text("utf-8").count("<figure>") == 3


def test_check_tells_what_is_too_little(sensorium: Run, folder: Path) -> None:
    (folder / "3.png").unlink()
    told = sensorium("train", "check", str(folder)).stdout.decode()
    assert "1 held out cannot tell what a run gains" in told
    assert "nothing is wrong" not in told
    rows = [{"image": f"{n}.png", "caption": f"a picture {n}", "split": "val"} for n in range(3)]
    lines = folder / "held.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    told = sensorium("train", "check", str(lines)).stdout.decode()
    assert "nothing to train on: every row is marked as val or test" in told


def test_check_for_machines(sensorium: Run, folder: Path) -> None:
    ended = sensorium("train", "check", str(folder), "--json", "--sheet", str(folder / "s.png"))
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["type"] for row in rows] == ["Finding", "Report"]
    assert rows[-1]["captions"] == {"en": 3, "zh": 3}
    with Image.open(folder / "s.png") as drawn:
        assert drawn.width > 600


def test_a_sheet_of_another_kind(sensorium: Run, folder: Path) -> None:
    ended = sensorium("train", "check", str(folder), "--sheet", "sheet.gif")
    assert ended.returncode == 2
    assert b".png or .html" in ended.stderr


def test_prepare(sensorium: Run, tmp_path: Path) -> None:
    assert "flickr8k" in sensorium("train", "prepare").stdout.decode()
    unknown = sensorium("train", "prepare", "nonsense")
    assert unknown.returncode == 3
    assert "there is no set “nonsense”" in unknown.stderr.decode()
    told = sensorium("train", "prepare", "coco")
    assert told.returncode == 2
    assert "captions_train2017.json" in told.stdout.decode()
    pytest.importorskip("pyarrow")
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.png").write_bytes(b"")
    out = str(tmp_path / "out")
    ended = sensorium("train", "prepare", "imagenet", "--from", str(tmp_path), "--out", out)
    assert b"imagenet-train.parquet: 1 rows" in ended.stdout
    assert b"2.png: it is empty" in ended.stderr.replace(b"\n", b" ").replace(b"  ", b" ")

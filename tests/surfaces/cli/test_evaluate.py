import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sensorium.results import Provenance
from sensorium.roles import Floats, Pixels
from sensorium.surfaces.cli._app import run


class RedOrBlue:
    """A picture is its mean red and blue; a text is red, blue, or both alike."""

    provenance = Provenance("dir:red-or-blue", "1")
    dimensions = 2
    image_size = 4
    logit_scale = 1.0
    logit_bias = 0.0

    def prepare_image(self, picture: Pixels) -> Floats:
        return np.full((3, 1, 1), picture.mean(axis=(0, 1))[:, None, None] / 255, np.float32)

    def encode_images(self, tensors: Floats) -> Floats:
        return tensors[:, [0, 2], 0, 0]

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        return np.array([("red" in text, "blue" in text) for text in texts], np.float32)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def encoded(colour: str) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
        return buffer.getvalue()

    monkeypatch.setattr("sensorium.task.open_model", lambda spec, role: RedOrBlue())
    columns = {
        "id": ["one", "two", "three", "four"],
        "image": [encoded("red"), encoded("blue"), encoded("blue"), b"no picture"],
        "name": ["red", "blue", "red", "blue"],
        "captions_en": [["red"], ["blue", "red"], ["a blue and red one"], ["red"]],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "data.parquet")
    return tmp_path / "data.parquet"


def test_json_is_one_object_with_the_figures(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ["--lang", "en", "--captions-per-image", "1"]
    assert run(["evaluate", "search", "--data", str(data), *first, "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["type"] == "SearchReport"
    assert report["n"] == 3
    assert report["queries"]["t2i"] == {"en": 3}
    # “blue” meets two pictures that are the same, “blue and red” meets three that are as near.
    assert report["t2i"] == {"en": {"R@1": pytest.approx(1 / 3), "R@5": 1.0, "R@10": 1.0}}
    (warning,) = [json.loads(line) for line in printed.err.splitlines()]
    assert warning["what"] == "row 3 (four) is left out"


def test_zero_shot(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "zero-shot", "--data", str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n"], report["top1"], report["top5"]) == (3, pytest.approx(2 / 3), 1.0)


def test_people_read_lines_and_the_row_that_was_left_out(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "search", "--data", str(data), "--captions-per-image", "1"]) == 0
    printed = capsys.readouterr()
    lines = {line.split("  ")[0]: line for line in printed.out.splitlines()}
    assert lines["n"].split() == ["n", "3"]
    assert "R@1 0.3333   R@5 1" in lines["t2i en"]
    assert "row 3 (four)" in lines["unreadable"]
    assert "row 3 (four) is left out" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["evaluate", "serch"], 3, "search, zero-shot"),
        (["evaluate", "search"], 2, "--data"),
        (["evaluate", "search", "--data", "/absent.parquet"], 3, "/absent.parquet"),
    ],
)
def test_what_goes_wrong(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    assert words in capsys.readouterr().err


def test_options_are_checked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "zero-shot", "--data", str(data), "--lang", "fr"]) == 2
    assert "one of en, zh" in capsys.readouterr().err


def test_the_shelf_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "search" in printed
    assert "zero-shot" in printed

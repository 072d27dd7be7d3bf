"""Every result goes to JSON and back, whatever it holds."""

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sensorium.errors import InputError
from sensorium.media import Span
from sensorium.results import Boxes, Hit, Hits, Result, Scores, Vectors
from sensorium.results.codec import schema

words = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.integers(0, 10**7).map(lambda milliseconds: milliseconds / 1000)

st.register_type_strategy(float, numbers)
st.register_type_strategy(str, words)
st.register_type_strategy(Path, words.map(lambda name: Path("/") / name.replace("\0", "")))
st.register_type_strategy(Span, st.tuples(seconds, seconds).map(lambda p: Span(min(p), max(p))))
vectors = arrays.arrays(np.float32, (2, 3), elements=st.floats(-1, 1, width=32))
st.register_type_strategy(Vectors, st.builds(Vectors, ids=st.tuples(words, words), values=vectors))


@pytest.mark.parametrize("kind", list(Result.kinds.values()), ids=list(Result.kinds))
@given(data=st.data())
def test_json_and_back(kind: type[Result], data: st.DataObject) -> None:
    result = data.draw(st.from_type(kind))
    assert Result.from_json(result.to_json()) == result


@pytest.mark.parametrize("kind", list(Result.kinds.values()), ids=list(Result.kinds))
def test_each_has_a_schema_that_names_every_field(kind: type[Result]) -> None:
    made: dict[str, Any] = schema(kind)
    assert json.dumps(made)
    assert set(made["properties"]) == {field.name for field in fields(kind)}


@pytest.mark.parametrize("kind", list(Result.kinds.values()), ids=list(Result.kinds))
@given(data=st.data())
def test_what_is_written_fits_the_schema(kind: type[Result], data: st.DataObject) -> None:
    result = data.draw(st.from_type(kind))
    assert fits(json.loads(result.to_json()), schema(kind))


def fits(value: Any, told: dict[str, Any]) -> bool:
    """Whether a JSON value is as the schema says, as far as `schema` uses its words."""
    if "anyOf" in told:
        return any(fits(value, one) for one in told["anyOf"])
    if "enum" in told:
        return value in told["enum"]
    match told["type"]:
        case "object" if "properties" in told:
            return (
                isinstance(value, dict)
                and set(told["required"]) <= set(value)
                and all(fits(value[name], one) for name, one in told["properties"].items())
            )
        case "object":
            return isinstance(value, dict) and all(
                fits(one, told["additionalProperties"]) for one in value.values()
            )
        case "array" if "prefixItems" in told:
            return (
                isinstance(value, list)
                and len(value) == len(told["prefixItems"])
                and all(map(fits, value, told["prefixItems"]))
            )
        case "array":
            return isinstance(value, list) and all(fits(one, told["items"]) for one in value)
        case name:
            return isinstance(value, _PYTHON[name])


_PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def test_saved_whole(tmp_path: Path) -> None:
    scores = Scores(item="cat.jpg", scores={"猫": 0.75, "dog": 0.25})
    scores.save(tmp_path / "scores.json")
    assert Scores.from_json((tmp_path / "scores.json").read_text("utf-8")) == scores
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX")
def test_what_is_saved_takes_the_place_of_files_alone(tmp_path: Path) -> None:
    scores = Scores(item="cat.jpg", scores={"猫": 1.0})
    (tmp_path / "link").symlink_to("behind.json")
    scores.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "behind.json").is_file()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    scores.save(tmp_path / "pipe")
    assert Scores.from_json(os.read(reader, 1 << 16).decode()) == scores
    os.close(reader)
    with pytest.raises(InputError, match="cannot be written: is a directory"):
        scores.save(tmp_path)


def test_a_name_that_is_no_text_comes_back_as_it_was(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff.jpg")
    Scores(item=odd, scores={"猫": 1.0}).save(tmp_path / "odd.json")
    assert Scores.from_json((tmp_path / "odd.json").read_text("utf-8")).item == odd


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"type": "Nothing"}', '{"type": "Scores", "schema": 999}']
)
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Result.from_json(text)


def test_one_kind_is_not_another() -> None:
    boxes = Boxes(item="x", size=(1, 1), boxes=())
    with pytest.raises(InputError, match="not a Scores"):
        Scores.from_json(boxes.to_json())


def test_numbers_that_json_cannot_write_are_refused() -> None:
    hit = Hit(Path("a"), "image", math.nan)
    with pytest.raises(InputError):
        Hits(query="q", hits=(hit,), searched=1).to_json()
    with pytest.raises(InputError):
        Vectors(ids=("a",), values=np.array([[np.inf]], np.float32)).to_json()

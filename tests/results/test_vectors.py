import json
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.results import Provenance, Vectors

MADE = Provenance("dir:/m", "abc")


def some(*ids: str) -> Vectors:
    return Vectors(ids=ids, values=np.eye(len(ids), 4, dtype=np.float32), provenance=MADE)


def test_saved_for_numpy(tmp_path: Path) -> None:
    some("红.jpg", "b@1s").save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as saved:  # no pickle in it
        assert saved["ids"].tolist() == ["红.jpg", "b@1s"]
        assert saved["values"].dtype == np.float32 and saved["values"].shape == (2, 4)
        assert saved["model"].item() == "dir:/m@abc"


def test_saved_by_line_and_whole(tmp_path: Path) -> None:
    some("a", "b").save(tmp_path / "v.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text("utf-8").splitlines()]
    assert rows[1] == {"id": "b", "vector": [0, 1, 0, 0]}
    some("a", "b").save(tmp_path / "v.json")
    assert Vectors.from_json((tmp_path / "v.json").read_text("utf-8")) == some("a", "b")


def test_joined_in_order_and_of_one_model_only() -> None:
    joined = Vectors.join([some("a"), some("b", "c")])
    assert joined.ids == ("a", "b", "c") and joined.values.shape == (3, 4)
    other = Vectors(ids=("z",), values=np.eye(1, 4, dtype=np.float32))
    with pytest.raises(InputError, match="two models"):
        Vectors.join([some("a"), other])

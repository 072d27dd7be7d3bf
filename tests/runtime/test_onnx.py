"""OnnxSession on graphs of one node, written here byte by byte: the base has no `onnx` to write
them with."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.runtime.onnx import OnnxSession

FLOAT, INT32 = 1, 6


def number(field: int, value: int) -> bytes:
    return bytes([field << 3, value])


def block(field: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return bytes([field << 3 | 2, len(data)]) + data


def negation(rows: int | None, kind: int = FLOAT) -> bytes:
    """y = -x for x (rows, 2) of an element type; rows None: any number."""
    axis = block(1, block(2, b"n") if rows is None else number(1, rows))
    shape = block(2, axis, block(1, number(1, 2)))
    tensor = block(2, block(1, number(1, kind), shape))
    node = block(1, block(1, b"x"), block(2, b"y"), block(4, b"Neg"))
    graph = block(7, node, block(2, b"g"), block(11, block(1, b"x"), tensor),
                  block(12, block(1, b"y"), tensor))  # fmt: skip
    return number(1, 8) + graph + block(8, number(2, 17))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(negation(None))
    return tmp_path / "model.onnx"


def test_named_arrays_in_and_out(path: Path) -> None:
    session = OnnxSession(path)
    assert (session.inputs, session.outputs) == (("x",), ("y",))
    made = session.run({"x": np.array([[1, 2], [3, 4], [5, 6]], np.float32)})
    assert made["y"].tolist() == [[-1, -2], [-3, -4], [-5, -6]]


def test_feeds_are_cast_to_the_graphs_type(tmp_path: Path) -> None:
    (tmp_path / "int32.onnx").write_bytes(negation(None, INT32))
    made = OnnxSession(tmp_path / "int32.onnx").run({"x": np.array([[1, 2]], np.int64)})
    assert made["y"].dtype == np.int32
    assert made["y"].tolist() == [[-1, -2]]


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_graph_of_fixed_batch_takes_any_number(tmp_path: Path, rows: int) -> None:
    (tmp_path / "two.onnx").write_bytes(negation(2))
    given = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    assert np.array_equal(OnnxSession(tmp_path / "two.onnx").run({"x": given})["y"], -given)


def test_nothing_is_loaded_before_it_is_needed(path: Path) -> None:
    session = OnnxSession(path)
    path.write_bytes(b"not a graph any more")
    with pytest.raises(InputError, match="cannot be opened"):
        session.run({"x": np.zeros((1, 2), np.float32)})


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        OnnxSession(tmp_path / "absent.onnx")


def test_the_runtime_reports_nothing_and_leaves_nothing_at_home(tmp_path: Path) -> None:
    known = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "GITHUB_ACTIONS", "TF_BUILD"}
    clean = {name: value for name, value in os.environ.items() if name not in known}
    clean |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = "import sensorium.runtime.onnx"
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert not list(tmp_path.iterdir())

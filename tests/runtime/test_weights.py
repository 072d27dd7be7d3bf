"""Single numbers out of safetensors, by the format and nothing else."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.weights import read_tensor, scalar_of, stated_scalar, write_scalars
from sensorium.spec import Folder


def file(dtype: str, shape: list[int], data: bytes) -> bytes:
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [4, 4 + len(data)]}
    header = json.dumps({"__metadata__": {"a": "b"}, "x": entry}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0\0\0\0" + data


@pytest.mark.parametrize(
    ("dtype", "data", "value"),
    [
        ("F32", struct.pack("<f", 1.5), 1.5),
        ("F64", struct.pack("<d", 1.5), 1.5),
        ("F16", np.float16(1.5).tobytes(), 1.5),
        ("BF16", struct.pack("<f", 1.5)[2:], 1.5),
        ("I64", struct.pack("<q", -3), -3.0),
    ],
)
@pytest.mark.parametrize("shape", [[], [1]])
def test_every_type_that_a_scale_comes_in(
    dtype: str, data: bytes, value: float, shape: list[int]
) -> None:
    whole = file(dtype, shape, data)
    assert scalar_of(lambda start, length: whole[start : start + length], "x") == value
    assert scalar_of(lambda start, length: whole[start : start + length], "y") is None


def test_more_than_one_number_is_no_scalar() -> None:
    whole = file("F32", [2], struct.pack("<2f", 1, 2))
    assert scalar_of(lambda start, length: whole[start : start + length], "x") is None


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_hold_nothing(data: bytes) -> None:
    try:
        assert read_tensor(lambda start, length: data[start : start + length], "x") is None
    except InputError as error:
        assert "safetensors" in error.what


@given(st.dictionaries(st.text(max_size=8), st.floats(width=32, allow_nan=False), max_size=4))
def test_what_is_written_reads_back(scalars: dict[str, float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scalars(folder / "some.safetensors", scalars)
        checkpoint = Checkpoint(Folder(folder), folder, "1")
        for key, value in scalars.items():
            assert stated_scalar(checkpoint, key) == value
        assert stated_scalar(checkpoint, "none of them") is None

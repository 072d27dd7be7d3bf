"""Files of CTranslate2, written here by the layout that the reader's docstring tells."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.train.ctranslate import read_ctranslate

KINDS = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


def words(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def written(arrays: dict[str, NDArray[Any]]) -> bytes:
    data = struct.pack("<I", 6) + words("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, array in arrays.items():
        data += words(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        data += struct.pack("<BI", KINDS[array.dtype.name], array.nbytes) + array.tobytes()
    return data + struct.pack("<I", 0)


@given(
    kind=st.sampled_from(["float32", "float16", "int16", "int32"]),
    shape=st.lists(st.integers(1, 4), max_size=3),
    seed=st.integers(0, 99),
)
def test_what_was_written_is_read(kind: str, shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(-100, 100, shape).astype(kind)
    found = read_ctranslate(written({"a/weight": array, "b": np.ones(2, np.float32)}))
    assert found["a/weight"].shape == tuple(shape)
    assert np.array_equal(found["a/weight"], array.astype(np.float32))
    assert found["b"].tolist() == [1, 1]


def test_eight_bits_are_multiplied_out_by_row() -> None:
    scale = np.array([127, 10], np.float32)
    whole: dict[str, NDArray[Any]] = {
        "w": np.array([[127, -64], [10, 20]], np.int8),
        "w_scale": scale,
    }
    found = read_ctranslate(written(whole))["w"]
    assert np.allclose(found, np.array([[1, -64 / 127], [1, 2]]))


@pytest.mark.parametrize("cut", [0, 3, 10, 30, -9])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    data = written({"a": np.ones((3, 4), np.float32)})
    with pytest.raises(InputError, match="CTranslate2"):
        read_ctranslate(data[:cut])


def test_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="CTranslate2"):
        read_ctranslate(struct.pack("<I", 3) + bytes(60))

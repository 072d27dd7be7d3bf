"""Pickles of plain values: what they hold is read, what they would do is refused."""

import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sensorium.errors import InputError, NotFound
from sensorium.train.readers.plain_pickle import read_plain_pickle

KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner),
    max_leaves=20,
)  # fmt: skip
NUMBERS = arrays.arrays(
    st.sampled_from(["<f4", ">f8", "<i8", "|u1", "|b1", "<U3", "|S2", ">i2"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
TOGETHER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path: Path, data: bytes) -> Any:
    (path / "one.pkl").write_bytes(data)
    return read_plain_pickle(path / "one.pkl")


@TOGETHER
@given(PLAIN, st.integers(0, 5))
def test_plain_values_come_back(tmp_path: Path, value: Any, protocol: int) -> None:
    made = read(tmp_path, pickle.dumps(value, protocol))
    assert made == value and type(made) is type(value)


@TOGETHER
@given(NUMBERS, st.integers(0, 5), st.booleans())
def test_arrays_come_back(tmp_path: Path, value: Any, protocol: int, columns: bool) -> None:
    value = np.asfortranarray(value) if columns else value
    made = read(tmp_path, pickle.dumps({"x": [value, value]}, protocol))["x"]
    assert made[0].dtype == value.dtype
    np.testing.assert_array_equal(made[0], value)
    assert made[0] is made[1]


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, pickle.dumps([np.float32(0.5), np.int64(-3)])) == [0.5, -3]


def test_what_holds_itself_is_read(tmp_path: Path) -> None:
    value: list[Any] = [1]
    value.append(value)
    made = read(tmp_path, pickle.dumps(value))
    assert made[0] == 1 and made[1] is made


class Runs:
    """Calls something when an ordinary unpickler meets it."""

    def __init__(self, called: Any, *arguments: Any) -> None:
        self.called, self.arguments = called, arguments

    def __reduce__(self) -> Any:
        return self.called, self.arguments


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "ran"
    attacks = [
        Runs(os.system, f"touch {trace}"),
        Runs(eval, f"open({str(trace)!r}, 'w')"),
        Runs(exec, f"open({str(trace)!r}, 'w')"),
        Runs(getattr, "x", "join"),
        Runs(open, str(trace), "w"),
        Runs(np.load, str(trace)),
        OrderedDict(a=1),
        {1, 2},
        Path("x"),
    ]
    for attack in attacks:
        for value in (attack, {"train": {"text": attack}}, [np.zeros(2), attack]):
            with pytest.raises(InputError, match="is not read") as caught:
                read(tmp_path, pickle.dumps(value, protocol))
            assert "names" in caught.value.why or "operation" in caught.value.why
    assert not trace.exists()


def test_it_says_what_was_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, pickle.dumps(Runs(os.system, "true")))
    assert f"{os.system.__module__}.system" in caught.value.why
    with pytest.raises(InputError) as caught:
        read(tmp_path, b"cos\nsystem\n(S'true'\ntR.")
    assert "os.system" in caught.value.why


def test_allowed_names_give_no_way_out(tmp_path: Path) -> None:
    """A name below an allowed one, an allowed one called otherwise, a state given to a list."""
    for data in (
        b"cnumpy\nndarray.tofile\n.",
        b"cnumpy\ndtype\n.",
        b"cnumpy\ndtype\n(tR.",
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'zip'\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'latin1'\ntRR.",
        b"]}b.",
        b"(lS'a'\nb.",
        b"(i__builtin__\neval\n.",
        b"S'id'\nP.",
        b"(c__builtin__\neval\no.",
        b"\x80\x02\x82\x01.",
    ):
        with pytest.raises(InputError):
            read(tmp_path, data)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_objects_are_refused(tmp_path: Path, protocol: int) -> None:
    for value in (
        np.array([1, "x", None], object),
        np.array([Runs(os.system, "true")], object),
        np.array([(1, "x")], [("a", "i4"), ("b", "O")]),
    ):
        with pytest.raises(InputError, match="is not read"):
            read(tmp_path, pickle.dumps({"text": value}, protocol))
    with pytest.raises(InputError) as caught:
        read(tmp_path, pickle.dumps(np.array([1, None], object)))
    assert "array of Python objects" in caught.value.why


def array(shape: tuple[int, ...], raw: bytes, code: str = "f8") -> bytes:
    """A pickle of an array that says its shape and bytes as they are given."""
    made: Any = np.zeros(1)
    call, arguments, (version, _, _, order, _) = made.__reduce__()

    class Says:
        def __reduce__(self) -> Any:
            return call, arguments, (version, shape, np.dtype(code), order, raw)

    return pickle.dumps(Says())


@pytest.mark.parametrize(
    "data",
    [
        array((1 << 40,), b"12345678"),
        array((1 << 20, 1 << 20, 1 << 20), b""),
        array((0, 1 << 62), b""),
        array((-1,), b"12345678"),
        array((0,), b"", "U500000000"),
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 63) + b"x.",
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.",
        b"\x80\x02T" + struct.pack("<i", 1 << 30) + b"x.",
        b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"x.",
        b"j" + struct.pack("<I", (1 << 32) - 1) + b".",
    ],
    ids=str,
)
def test_no_more_is_allocated_than_the_file_holds(tmp_path: Path, data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_far_place_in_the_memo_takes_no_room(tmp_path: Path) -> None:
    assert read(tmp_path, b"Nr" + struct.pack("<I", (1 << 32) - 1) + b".") is None


def test_keys_that_take_for_ever_to_be_found_are_refused(tmp_path: Path) -> None:
    """A tuple of a tuple twice, fifty times over: its hash would be of 2 to the 50 parts."""
    nest = b"I1\n" + b"p0\ng0\n\x86" * 50
    with pytest.raises(InputError, match="is not read"):
        read(tmp_path, b"}" + nest + b"I1\ns.")
    assert isinstance(read(tmp_path, nest + b"."), tuple)


def test_lists_in_lists_without_end_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(tmp_path, b"]" * 50_000 + b"a" * 49_999 + b".")


@TOGETHER
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_error(tmp_path: Path, data: bytes) -> None:
    try:
        read(tmp_path, data)
    except InputError:
        return


WHOLE = pickle.dumps({"train": {"text": np.ones((2, 3), "f4"), "id": ["a", "b"]}}, 4)


@TOGETHER
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
def test_a_damaged_file_is_a_value_or_an_error(
    tmp_path: Path, place: int, byte: int, end: int
) -> None:
    for data in (WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :], WHOLE[:end]):
        try:
            read(tmp_path, data)
        except InputError:
            continue


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_plain_pickle(tmp_path / "none.pkl")
    with pytest.raises(InputError):
        read(tmp_path, b"")

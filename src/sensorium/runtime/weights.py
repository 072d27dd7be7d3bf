"""One small tensor out of safetensors, without torch and without reading the rest.

The format: eight bytes with the length of a header (little endian), a JSON header of
name → {dtype, shape, data_offsets}, then the bytes. https://huggingface.co/docs/safetensors
"""

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.results import write_whole
from sensorium.runtime.checkpoint import Checkpoint

_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}
_LONGEST_HEADER = 100_000_000  # the format's own limit


Read = Callable[[int, int], bytes]
"""`read(start, length)`: bytes of a file, wherever it is."""


def read_tensor(read: Read, name: str) -> NDArray[Any] | None:
    """The tensor, None where the file has none of that name; InputError where it is no
    safetensors."""
    try:
        (length,) = struct.unpack("<Q", read(0, 8))
        if length > _LONGEST_HEADER:
            raise ValueError("its header is longer than the format allows")
        entry = json.loads(read(8, length)).get(name)
        if entry is None:
            return None
        start, stop = entry["data_offsets"]
        return _array(read(8 + length + start, stop - start), entry["dtype"], entry["shape"])
    except (ValueError, KeyError, struct.error) as error:
        raise InputError("this is no safetensors file", str(error)) from error


def _array(data: bytes, dtype: str, shape: list[int]) -> NDArray[Any]:
    if dtype == "BF16":  # numpy has no such type: it is the upper half of a float32
        halves = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return halves.view(np.float32).reshape(shape)
    return np.frombuffer(data, _DTYPES[dtype]).reshape(shape)


def write_scalars(path: Path, scalars: dict[str, float]) -> None:
    """A safetensors file of float32 numbers."""
    entries = {
        name: {"dtype": "F32", "shape": [], "data_offsets": [4 * n, 4 * n + 4]}
        for n, name in enumerate(scalars)
    }
    header = json.dumps(entries).encode()
    data = struct.pack(f"<{len(scalars)}f", *scalars.values())
    write_whole(path, struct.pack("<Q", len(header)) + header + data)


def scalar_of(read: Read, name: str) -> float | None:
    """A tensor of one number; None where there is none, or one of more."""
    tensor = read_tensor(read, name)
    return None if tensor is None or tensor.size != 1 else float(tensor.reshape(()))


def stated_scalar(checkpoint: Checkpoint, name: str) -> float | None:
    """A tensor of one number, of whichever of the checkpoint's safetensors has it."""
    for path in sorted(checkpoint.folder.glob("*.safetensors")):
        with path.open("rb") as file:
            value = scalar_of(partial(_read_at, file), name)
        if value is not None:
            return value
    return None


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)

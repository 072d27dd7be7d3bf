"""One small tensor out of safetensors, without torch and without reading the rest.

The format: eight bytes with the length of a header (little endian), a JSON header of
name → {dtype, shape, data_offsets}, then the bytes. https://huggingface.co/docs/safetensors
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.runtime.checkpoint import Checkpoint

_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}
_LONGEST_HEADER = 100_000_000  # the format's own limit


def read_header(path: Path) -> dict[str, Any]:
    """Tensor name → its dtype, shape and data_offsets; InputError where it is no safetensors."""
    with path.open("rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("its header is longer than the format allows")
            header: dict[str, Any] = json.loads(file.read(length))
        except (ValueError, struct.error) as error:
            raise InputError(f"{path} is no safetensors file", str(error)) from error
    header.pop("__metadata__", None)
    return header


def read_tensor(path: Path, name: str) -> NDArray[Any] | None:
    """The tensor, None where the file has none of that name."""
    entry = read_header(path).get(name)
    if entry is None:
        return None
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        start, stop = entry["data_offsets"]
        file.seek(8 + length + start)
        data = file.read(stop - start)
    if entry["dtype"] == "BF16":  # numpy has no such type: it is the upper half of a float32
        halves = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return halves.view(np.float32).reshape(entry["shape"])
    return np.frombuffer(data, _DTYPES[entry["dtype"]]).reshape(entry["shape"])


def stated_scalar(checkpoint: Checkpoint, name: str) -> float | None:
    """A tensor of one number, of whichever of the checkpoint's safetensors has it."""
    for path in sorted(checkpoint.folder.glob("*.safetensors")):
        tensor = read_tensor(path, name)
        if tensor is not None and tensor.size == 1:
            return float(tensor.reshape(()))
    return None

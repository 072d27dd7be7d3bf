"""Weights in the files of CTranslate2, in which Whisper's checkpoints are often handed on.

A file is, all little-endian: its version, the name of its specification (a length of 16 bits, then
bytes that end in a zero), a revision, and how many arrays there are; of each its name, rank, shape,
kind and bytes. Nothing of the file is run.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError

_KINDS = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_VERSION = 6


def read_ctranslate(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Every array by its name, such as `encoder/layer_0/ffn/linear_0/weight` (out, in), as float32.

    Arrays of 8 bits are multiplied out by their scales, a row each. Raises InputError.
    """
    try:
        stored = _Reader(data).arrays()
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise InputError("this is no file of CTranslate2", f"{error}") from error
    wide = {name: array.astype(np.float32) for name, array in stored.items()}
    for name, array in stored.items():
        if array.dtype == np.int8 and f"{name}_scale" in wide:
            wide[name] /= wide[f"{name}_scale"].reshape(-1, *[1] * (array.ndim - 1))
    return wide


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        (version,) = self.take("I")
        if version != _VERSION:
            raise InputError(
                "this is no file of CTranslate2 that we read",
                f"its version is {version}, not {_VERSION}",
            )
        self.words()
        _, count = self.take("II")
        return dict(self.array() for _ in range(count))

    def array(self) -> tuple[str, NDArray[np.generic]]:
        name = self.words()
        (rank,) = self.take("B")
        shape = self.take(f"{rank}I")
        kind, size = self.take("BI")
        found = np.dtype(_KINDS[kind])
        array = np.frombuffer(self.data, found, size // found.itemsize, self.at).reshape(shape)
        self.at += size
        return name, array

    def words(self) -> str:
        (length,) = self.take("H")
        raw = self.data[self.at : self.at + length]
        self.at += length
        return raw.rstrip(b"\0").decode()

    def take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

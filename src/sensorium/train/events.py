"""TensorBoard's event files, written by hand: scalars need a page, the package weighs 30 MB.

A file is a row of records: length (8 bytes), its checksum, the data, its checksum; checksums are
CRC-32C, masked (https://www.tensorflow.org/tutorials/load_data/tfrecord). The data is a protocol
buffer: Event {1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary},
Summary {1 value: repeated {1 tag: string, 2 simple_value: float}}.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO


class EventFile:
    """Appends scalars; what is written is on disk at once, so curves are live."""

    def __init__(self, folder: Path) -> None:
        name = f"events.out.tfevents.{time.time_ns() // 10**9}.{socket.gethostname()}.{os.getpid()}"
        self._file: BinaryIO = (folder / name).open("ab")
        self._write(_double(1, time.time()) + _bytes(3, b"brain.Event:2"))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        values = b"".join(
            _bytes(1, _bytes(1, tag.encode()) + _float(2, value)) for tag, value in scalars.items()
        )
        self._write(_double(1, time.time()) + _varint(2 << 3) + _varint(step) + _bytes(5, values))

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))
        self._file.flush()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


@cache
def _table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli) of every byte, reflected polynomial 0x82F63B78."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _checksum(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

"""The name of a content: what bytes are, wherever they lie."""

import hashlib
from pathlib import Path

from sensorium.media import Kind
from sensorium.media.image import open_regular

SIZE = 16  # bytes of a name
WHOLE = 64 << 20  # a larger file is sampled
_BLOCK = 1 << 20
_BLOCKS = 32


def content_of(data: bytes, kind: Kind) -> bytes:
    """BLAKE2b of the bytes and their kind: a file renamed to another kind is another content."""
    return _mark(kind, len(data), data).digest()


def content_of_file(path: Path, kind: Kind) -> bytes:
    """As `content_of`, for what is not read into memory: a video, a sound.

    A file over 64 MiB is named by its size and 32 blocks of 1 MiB, evenly spread, the first and
    the last among them. That trusts that two recordings of the same size differ somewhere in them
    (they do from the first compressed block on) and that nobody edits a video in place, between the
    blocks, leaving its size as it was; its time of change would then still have it read again.
    """
    with open_regular(path) as file:
        size = path.stat().st_size
        if size <= WHOLE:
            return content_of(file.read(), kind)
        mark = _mark(kind, size, b"")
        for number in range(_BLOCKS):
            file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            mark.update(file.read(_BLOCK))
    return mark.digest()


def _mark(kind: Kind, size: int, data: bytes) -> "hashlib.blake2b":
    return hashlib.blake2b(
        data, digest_size=SIZE, person=kind.encode(), salt=size.to_bytes(8, "little")
    )

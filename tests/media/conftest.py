"""Media written here: a camera raw with a preview, as cameras make them, and videos."""

import io
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
Entry = tuple[int, int, list[int] | bytes]  # tag, type, values


def _directory(entries: list[Entry], at: int) -> tuple[bytes, bytes]:
    """A TIFF directory that will stand at `at`, and the data that follows it."""
    rows, data = b"", b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
        letter = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}.get(kind, "")
        packed = (
            values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{letter}", *values)
        )
        count = len(packed) // _SIZES[kind]
        if len(packed) <= 4:
            cell = packed.ljust(4, b"\0")
        else:
            cell = struct.pack("<I", behind + len(data))
            data += packed + b"\0" * (len(packed) % 2)
        rows += struct.pack("<HHI", tag, kind, count) + cell
    return struct.pack("<H", len(entries)) + rows + struct.pack("<I", 0), data


class MakeDng(Protocol):
    def __call__(
        self, preview: Image.Image | None, orientation: int = 1, size: tuple[int, int] = (640, 480)
    ) -> bytes: ...


@pytest.fixture(scope="session")
def make_dng() -> MakeDng:
    return _make_dng


def _make_dng(
    preview: Image.Image | None, orientation: int = 1, size: tuple[int, int] = (640, 480)
) -> bytes:
    """A little-endian DNG. size: (width, height) of the sensor, whose upper half is bright."""
    width, height = size
    mosaic = np.full((height, width), 8000, np.uint16)
    mosaic[: height // 2] = 30000
    jpeg = io.BytesIO()
    if preview is not None:
        preview.save(jpeg, "JPEG", quality=95)
    pixels, picture = mosaic.tobytes(), jpeg.getvalue()
    start = 8
    raw_at, jpeg_at = start, start + len(pixels)
    jpeg_at += jpeg_at % 2
    sub_at = jpeg_at + len(picture) + len(picture) % 2
    sub, sub_data = _directory(
        [
            (254, 4, [0]),
            (256, 4, [width]),
            (257, 4, [height]),
            (258, 3, [16]),
            (259, 3, [1]),
            (262, 3, [32803]),
            (273, 4, [raw_at]),
            (277, 3, [1]),
            (278, 4, [height]),
            (279, 4, [len(pixels)]),
            (33421, 3, [2, 2]),
            (33422, 1, [0, 1, 1, 2]),
            (50717, 4, [65535]),
        ],
        sub_at,
    )
    main_at = sub_at + len(sub) + len(sub_data)
    entries: list[Entry] = [
        (254, 4, [1]),
        (271, 2, b"Acme\0"),
        (272, 2, b"Acme One\0"),
        (274, 3, [orientation]),
        (306, 2, b"2021:05:06 07:08:09\0"),
        (330, 4, [sub_at]),
        (50706, 1, [1, 4, 0, 0]),
        (50708, 2, b"Acme One\0"),
        (50721, 10, [v for one in (1, 0, 0, 0, 1, 0, 0, 0, 1) for v in (one, 1)]),
        (50728, 5, [1, 1, 1, 1, 1, 1]),
        (50778, 3, [21]),
    ]
    if preview is not None:
        entries += [
            (256, 4, [preview.width]),
            (257, 4, [preview.height]),
            (258, 3, [8, 8, 8]),
            (259, 3, [7]),
            (262, 3, [6]),
            (273, 4, [jpeg_at]),
            (277, 3, [3]),
            (278, 4, [preview.height]),
            (279, 4, [len(picture)]),
        ]
    main, main_data = _directory(entries, main_at)
    out = bytearray(struct.pack("<2sHI", b"II", 42, main_at)).ljust(main_at, b"\0")
    out[raw_at : raw_at + len(pixels)] = pixels
    out[jpeg_at : jpeg_at + len(picture)] = picture
    out[sub_at:main_at] = sub + sub_data
    return bytes(out) + main + main_data


class MakeVideo(Protocol):
    def __call__(
        self,
        path: Path,
        shots: Sequence[float] = (1.0,),
        times: Callable[[int], float] | None = None,
        *,
        codec: str = "libx264",
        turn: int = 0,
        sound: bool = False,
        still: bool = False,
        options: dict[str, str] | None = None,
    ) -> Path: ...


@pytest.fixture(scope="session")
def make_video() -> MakeVideo:
    return _make_video


def _make_video(
    path: Path,
    shots: Sequence[float] = (1.0,),
    times: Callable[[int], float] | None = None,
    *,
    codec: str = "libx264",
    turn: int = 0,
    sound: bool = False,
    still: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of 160 × 96. shots: how many seconds each lasts; every shot is another view, which
    moves a little. Frame n is shown at `times(n)` (25 a second). The upper left corner of a frame
    tells its number up to 31, in grey steps of 8, so that a test sees which one it got.
    still: nothing moves but from shot to shot, and the corner tells nothing.
    turn: degrees counter-clockwise that players must turn it by."""
    times = times or (lambda number: number / 25)
    ends = np.cumsum(shots)
    clock = Fraction(1, 1000)
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.time_base = clock
        stream.options = options or {}
        if turn:
            stream.set_display_rotation(turn)
        if sound:
            tone = target.add_stream("aac", rate=16000)
        number = 0
        while (time := times(number)) < times(0) + ends[-1] - 1e-6:
            view = int(np.searchsorted(ends, time - times(0) + 1e-6, side="right"))
            frame = av.VideoFrame.from_ndarray(_view(view, 8 if still else number), "rgb24")
            frame.pts, frame.time_base = round(time * 1000), clock
            target.mux(stream.encode(frame))
            number += 1
        target.mux(stream.encode(None))
        if sound:
            wave = np.sin(np.arange(int(ends[-1] * 16000)) / 8).astype(np.float32)
            samples = av.AudioFrame.from_ndarray(wave[None], "fltp", "mono")
            samples.sample_rate = 16000
            target.mux(tone.encode(samples))
            target.mux(tone.encode(None))
    return path


def _view(shot: int, number: int) -> NDArray[np.uint8]:
    """Blocks of colour that are another for every shot, and creep to and fro."""
    blocks = np.random.default_rng(shot).integers(0, 256, (6, 12, 3), dtype=np.uint8)
    creep = abs(number % 32 - 16)
    pixels = blocks.repeat(16, 0).repeat(16, 1)[:, creep : creep + 160].copy()
    pixels[:32, :32] = (31 - abs(31 - number % 62)) * 8
    return pixels

"""Pictures of every format, made here, read back."""

import io
import os
import struct
import sys
import time
import warnings
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.media import memory
from sensorium.media.image import Picture, check_size, read_picture

CORNERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40))  # clockwise from top left


def corners(width: int = 96, height: int = 64) -> Image.Image:
    """Four coloured quarters."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half, middle = height // 2, width // 2
    pixels[:half, :middle], pixels[:half, middle:] = CORNERS[0], CORNERS[1]
    pixels[half:, middle:], pixels[half:, :middle] = CORNERS[2], CORNERS[3]
    return Image.fromarray(pixels)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    if form == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(out, quality=95)
    else:
        image.save(out, form, **options)
    return out.getvalue()


def looks_like_corners(pixels: NDArray[np.uint8], within: int = 30) -> bool:
    height, width = pixels.shape[:2]
    top, left = height // 4, width // 4
    places = (
        (top, left),
        (top, width - left),
        (height - top, width - left),
        (height - top, left),
    )
    seen = np.array([pixels[place] for place in places], int)
    return bool(np.abs(seen - np.array(CORNERS)).max() <= within)


FORMATS = "JPEG PNG WEBP BMP TIFF PPM HEIF AVIF".split()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_by_its_content(form: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.xyz"
    path.write_bytes(encoded(corners(), form))
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (64, 96, 3)
    assert (picture.width, picture.height, picture.note) == (96, 64, "")
    assert picture.nbytes == 64 * 96 * 3
    assert looks_like_corners(picture.pixels)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_cut_off_file_says_so(form: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(InputError, match="cut off"):
        read_picture(data[: max(32, int(len(data) * share))])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_camera_s_orientation_is_honoured(form: str, orientation: int) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = corners()
    if orientation in back:
        stored = stored.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(encoded(stored, form, exif=exif))
    assert (picture.width, picture.height) == (96, 64)
    assert looks_like_corners(picture.pixels)


@pytest.mark.parametrize(("mode", "form"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "JPEG")])
def test_other_colours_become_rgb(mode: str, form: str) -> None:
    assert looks_like_corners(read_picture(encoded(corners().convert(mode), form)).pixels)


def test_lab_becomes_rgb() -> None:
    lab = Image.new("LAB", (8, 8), (255, 128, 128))
    assert (read_picture(encoded(lab, "TIFF")).pixels >= 253).all()


@pytest.mark.skipif(sys.platform == "win32", reason="libtiff is built in there")
def test_libtiff_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(corners(), "TIFF", compression="tiff_adobe_deflate"))
    data[40:60] = bytes(20)
    with pytest.raises(InputError, match="TIFF data is broken"):
        read_picture(bytes(data))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(form: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256).repeat(8, 0)
    pixels = read_picture(encoded(Image.fromarray(ramp), form)).pixels
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_floats_are_scaled(top: float) -> None:
    ramp = np.linspace(0, top, 256, dtype=np.float32).reshape(1, 256).repeat(8, 0)
    pixels = read_picture(encoded(Image.fromarray(ramp), "TIFF")).pixels
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_one_bit_and_palette() -> None:
    grey = np.zeros((16, 16), np.uint8)
    grey[:, 8:] = 255
    pixels = read_picture(encoded(Image.fromarray(grey).convert("1"), "PNG")).pixels
    assert (pixels[0, 0] == 0).all()
    assert (pixels[0, 15] == 255).all()
    palette = corners().quantize(8)
    assert looks_like_corners(read_picture(encoded(palette, "PNG")).pixels)
    assert looks_like_corners(read_picture(encoded(palette, "GIF")).pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    options = {"transparency": 0} if mode == "P" else {}
    data = encoded(Image.new("P", (8, 8)) if mode == "P" else image.convert(mode), "PNG", **options)
    assert (read_picture(data).pixels == 255).all()


def test_half_transparent_is_mixed_with_white() -> None:
    data = encoded(Image.new("RGBA", (8, 8), (200, 0, 0, 128)), "PNG")
    assert np.abs(read_picture(data).pixels[0, 0].astype(int) - (227, 127, 127)).max() <= 1


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        red, _, blue = read_picture(data).pixels[5, 5]
        assert red > 200 > 100 > blue


def profile(*primaries: tuple[float, float, float]) -> bytes:
    """An ICC profile of a display with these primaries (CIE XYZ) and gamma 2.2."""

    def numbers(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    curve = b"curv" + struct.pack(">IIHH", 0, 1, round(2.2 * 256), 0)
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, 5) + b"test\0" + bytes(79),
        b"wtpt": b"XYZ \0\0\0\0" + numbers(0.9642, 1, 0.8249),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    for letter, primary in zip(b"rgb", primaries, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + numbers(*primary)
        tags[bytes([letter]) + b"TRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s24x", 0, 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += bytes(4) + numbers(0.9642, 1, 0.8249) + bytes(48)
    data = head + table + body
    return struct.pack(">I", len(data)) + data[4:]


def test_a_colour_profile_is_applied() -> None:
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    told: dict[str, Any] = {"quality": 95, "icc_profile": profile(green, red, blue)}
    pixels = read_picture(encoded(Image.new("RGB", (32, 32), (220, 40, 40)), "JPEG", **told)).pixels
    assert np.abs(pixels[16, 16].astype(int) - (40, 220, 40)).max() < 12
    usual = encoded(corners(), "JPEG", quality=95, icc_profile=profile(red, green, blue))
    assert looks_like_corners(read_picture(usual).pixels)
    broken = encoded(corners(), "JPEG", quality=95, icc_profile=b"no profile")
    assert looks_like_corners(read_picture(broken).pixels)


@pytest.mark.parametrize(("orientation", "upright"), [(1, True), (3, True), (6, False), (8, False)])
def test_a_raw_gives_its_preview(make_dng: Any, orientation: int, upright: bool) -> None:
    data = make_dng(corners(1280, 960), orientation)
    picture = read_picture(data, 224)
    assert (picture.width, picture.height) == ((640, 480) if upright else (480, 640))
    assert picture.pixels.shape == ((240, 320, 3) if upright else (320, 240, 3))
    turn = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    assert looks_like_corners(np.rot90(picture.pixels, turn))
    assert picture.facts.camera == "Acme One"
    assert picture.facts.taken == datetime(2021, 5, 6, 7, 8, 9)


def test_a_raw_without_a_useful_preview_is_developed(make_dng: Any) -> None:
    for preview in (None, corners(160, 120)):
        picture = read_picture(make_dng(preview, 6), 224)
        assert (picture.width, picture.height) == (480, 640)
        assert picture.pixels.shape == (320, 240, 3)
        assert picture.pixels[10, -10].mean() > picture.pixels[10, 10].mean() + 50
    assert min(read_picture(make_dng(None), 400).pixels.shape[:2]) == 480


def test_a_tiff_that_a_scanner_signed_is_a_tiff() -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "Acme", "Scanner"
    picture = read_picture(encoded(corners(), "TIFF", exif=exif))
    assert looks_like_corners(picture.pixels)
    assert picture.facts.camera == "Acme Scanner"


def test_the_suffix_may_lie(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(corners(), "PNG"))
    assert read_picture(path).note == "a PNG under the name .jpg"
    assert read_picture(path.read_bytes(), 0, path).note == "a PNG under the name .jpg"
    assert read_picture(path.read_bytes()).note == ""


@pytest.mark.parametrize("at_least", [0, 10, 224, 700, 5000])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_scaled_decoding_keeps_enough(form: str, at_least: int) -> None:
    picture = read_picture(encoded(corners(1500, 1000), form), at_least)
    assert (picture.width, picture.height) == (1500, 1000)
    shorter = min(picture.pixels.shape[:2])
    assert shorter >= min(at_least or 1000, 1000)
    assert looks_like_corners(picture.pixels)
    if at_least == 10:
        assert shorter < 200


def test_a_large_jpeg_is_quick_when_little_is_wanted() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise).resize((4000, 3000)), "JPEG", quality=90)
    read_picture(data, 224)
    started = time.perf_counter()
    whole = min(_seconds(data, 0) for _ in range(2))
    scaled = min(_seconds(data, 224) for _ in range(3))
    assert scaled < whole / 2, f"{scaled:.3f} of {whole:.3f} s"
    assert time.perf_counter() - started < 10


def _seconds(data: bytes, at_least: int) -> float:
    started = time.perf_counter()
    read_picture(data, at_least)
    return time.perf_counter() - started


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="20000 × 10000 pixels are more than"):
            read_picture(bomb(20000, 10000))


def test_little_memory_is_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensorium.media.picture.available", lambda: 64 * 5_000_000)
    check_size(2000, 2400, "x.png")
    with pytest.raises(InputError, match="5 megapixels that the free memory allows"):
        check_size(3000, 2400, "x.png")


def test_the_system_tells_its_memory() -> None:
    free = memory.available()
    assert free is None or free > 1_000_000


def test_what_is_no_picture(tmp_path: Path) -> None:
    for name, data, why in (
        ("empty.jpg", b"", "empty"),
        ("words.jpg", b"these are words and no picture", "no picture that we read"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + b"IEND" * 20, "broken"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError, match=why) as caught:
            read_picture(path)
        assert caught.value.what == str(path)
    with pytest.raises(NotFound):
        read_picture(tmp_path / "absent.jpg")
    with pytest.raises(InputError, match="folder"):
        read_picture(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="no pipes with names")
def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InputError, match="not a regular file"):  # opening it would wait for ever
        read_picture(tmp_path / "pipe.jpg")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded(corners(), "JPEG"))
    path.chmod(0)
    with pytest.raises(InputError, match="no permission"):
        read_picture(path)


def test_an_array_is_a_picture() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    picture = read_picture(pixels)
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == (6, 4)


MAGIC = [encoded(corners(16, 12), form)[:48] for form in FORMATS] + [
    b"II*\0\x08\0\0\0",
    b"FUJIFILMCCD-RAW",
    b"IIU\0\x08\0\0\0",
    b"GIF89a",
    b"\0\0\0\x18ftypcrx ",
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(head=st.sampled_from([b"", *MAGIC]), tail=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_at_all(head: bytes, tail: bytes) -> None:
    try:
        picture = read_picture(head + tail, 32)
    except SensoriumError:
        return
    assert picture.pixels.shape[2] == 3


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(
    form=st.sampled_from(FORMATS),
    at=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=8),
)
@settings(deadline=None)
def test_damaged_files(form: str, at: float, junk: bytes) -> None:
    data = bytearray(SMALL[form])
    place = int(at * (len(data) - len(junk)))
    data[place : place + len(junk)] = junk
    try:
        with pytest.MonkeyPatch.context() as patch:  # else sizes gone wild cost their memory
            patch.setattr("sensorium.media.picture.MAX_PIXELS", 1_000_000)
            patch.setattr("sensorium.media.picture.UNCHECKED", 0)
            picture = read_picture(bytes(data))
    except SensoriumError:
        return
    assert picture.pixels.shape[2] == 3


SMALL = {form: encoded(corners(24, 16), form) for form in FORMATS}

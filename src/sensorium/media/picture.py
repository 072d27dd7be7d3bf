"""From an opened file of Pillow's to upright sRGB pixels."""

import io
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sensorium.errors import InputError
from sensorium.media.facts import Facts, facts_of_exif
from sensorium.media.memory import available

MAX_PIXELS = 178_956_970  # what Pillow itself calls a bomb
NOTHING = Facts()
BYTES_A_PIXEL = 64  # decoded, converted, composited and resized, by several threads at once
UNCHECKED = 4_000_000  # pixels: not worth asking the system


@dataclass(frozen=True, eq=False)
class Picture:
    """pixels: uint8 (height, width, 3), upright, sRGB. width, height: upright, in pixels, the full
    size in the file, which `pixels` may be a scaled copy of. note: what is odd about the file."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    facts: Facts = NOTHING
    note: str = ""

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


def from_image(image: Image.Image, at_least: int, name: str, flip: int = 0) -> Picture:
    """Decode what Pillow has opened. flip: the EXIF orientation where the file itself has none."""
    width, height = image.size
    if at_least > 0 and min(width, height) > at_least:
        image.draft(None, (at_least, at_least))
    check_size(*image.size, name)
    image.load()
    exif = image.getexif()
    turn = exif.get(0x0112) or flip
    upright = _upright(_scaled(_rgb(image), at_least), turn)
    if turn in (5, 6, 7, 8):
        width, height = height, width
    return Picture(np.asarray(upright), width, height, facts_of_exif(exif))


def check_size(width: int, height: int, name: str) -> None:
    """Refuse what would not fit in memory once decoded."""
    pixels = width * height
    if pixels <= UNCHECKED:
        return
    free = available()
    limit = MAX_PIXELS if free is None else min(MAX_PIXELS, free // BYTES_A_PIXEL)
    if pixels > limit:
        raise InputError(
            name,
            f"{width} × {height} pixels are more than the {limit / 1e6:.0f} megapixels "
            + ("that we decode" if limit == MAX_PIXELS else "that the free memory allows"),
        )


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _scaled(image: Image.Image, at_least: int) -> Image.Image:
    """Formats that cannot scale while they decode are averaged down after, to twice what is asked:
    the resize that follows cannot tell, and queues hold less."""
    factor = min(image.size) // (2 * at_least) if at_least > 0 else 1
    return image.reduce(factor) if factor > 1 else image


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB: deep ones scaled, transparent ones over white, profiles applied."""
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", layer.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    if image.mode == "RGB":
        return _to_srgb(image)
    if image.mode == "LAB":
        return _from_lab().apply(image)
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """16 and 32 bits a pixel are scaled to 8, where Pillow would clip."""
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top, low = float(values.max(initial=0)), float(values.min(initial=0))
    if image.mode == "F" and low >= 0 and top <= 1:
        low, top = 0.0, 1.0
    elif low >= 0 and top <= 65535:
        low, top = 0.0, 65535.0 if image.mode != "F" or top > 255 else 255.0
    scaled = (values - low) * (255 / max(top - low, 1e-12))
    return Image.fromarray(scaled.round().astype(np.uint8)).convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    transform = _transform(profile) if isinstance(profile, bytes) and profile else None
    return transform.apply(image) if transform is not None else image


@cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")


@lru_cache(16)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """From an embedded profile to sRGB; None where there is nothing to do, or it is broken."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

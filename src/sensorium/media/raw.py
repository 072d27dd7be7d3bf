"""Camera raw: the preview that the camera made, which is what its owner saw on the screen."""

import io
from typing import Any

import numpy as np
import rawpy
from PIL import Image

from sensorium.errors import InputError
from sensorium.media import codecs
from sensorium.media.facts import Facts, facts_of_exif
from sensorium.media.picture import Picture, check_size, from_image

ENOUGH = 480  # pixels: a smaller preview is a thumbnail, and the sensor is read instead
_FLIPS = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's flip as an EXIF orientation
_DNG, _MAKE, _SUB_FILES, _PHOTOMETRIC = 50706, 271, 330, 262
_MOSAIC = (32803, 34892)  # colour filter array, linear raw


def is_raw(file: Any) -> bool:
    """Whether a TIFF holds what a sensor saw rather than a picture. Leaves `file` at its start."""
    head = file.read(16)
    file.seek(0)
    tags = _tags(file)
    return (
        head[8:10] == b"CR"
        or _DNG in tags
        or tags.get(_PHOTOMETRIC) in _MOSAIC
        or (_MAKE in tags and _SUB_FILES in tags)
    )


def read_raw(file: Any, at_least: int, name: str) -> Picture:
    """The embedded preview where it is large enough, else the sensor, at half its size where that
    is enough."""
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            width, height = raw.sizes.width, raw.sizes.height
            if _FLIPS.get(raw.sizes.flip) in (6, 8):
                width, height = height, width
            picture = _preview(raw, at_least, name) or _developed(raw, at_least, name)
            facts = picture.facts if picture.facts.taken else _facts(file)
            return Picture(picture.pixels, width, height, facts)
    except rawpy.LibRawFileUnsupportedError:
        file.seek(0)
        if codecs.form_of(file.read(codecs.HEAD)) != "TIFF":
            raise InputError(name, "it is a camera raw that LibRaw does not know") from None
    file.seek(0)  # an ordinary TIFF that a camera or a scanner signed
    with codecs.open_image("TIFF", file) as image:
        return from_image(image, at_least, name)


def _preview(raw: Any, at_least: int, name: str) -> Picture | None:
    try:
        thumb = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    enough = max(at_least, ENOUGH)
    if thumb.format == rawpy.ThumbFormat.JPEG:
        with codecs.open_image("JPEG", io.BytesIO(thumb.data)) as image:
            if min(image.size) < enough:
                return None
            return from_image(image, at_least, name, _untold(raw, image.size))
    pixels = np.ascontiguousarray(thumb.data)
    if pixels.ndim != 3 or min(pixels.shape[:2]) < enough:
        return None
    bitmap = Image.fromarray(pixels)
    return from_image(bitmap, at_least, name, _untold(raw, bitmap.size))


def _untold(raw: Any, size: tuple[int, int]) -> int:
    """The turn of a preview that does not tell its own: none where it stands already."""
    flip = _FLIPS.get(raw.sizes.flip, 1)
    stands = (size[0] >= size[1]) != (raw.sizes.width >= raw.sizes.height)
    return 1 if flip in (6, 8) and stands else flip


def _developed(raw: Any, at_least: int, name: str) -> Picture:
    width, height = raw.sizes.width, raw.sizes.height
    half = min(width, height) // 2 >= at_least
    check_size(width // (1 + half), height // (1 + half), name)
    pixels = raw.postprocess(half_size=half, use_camera_wb=True, output_bps=8)
    return Picture(pixels, pixels.shape[1], pixels.shape[0])


def _facts(file: Any) -> Facts:
    file.seek(0)
    if codecs.form_of(file.read(codecs.HEAD)) != "TIFF":
        return Facts()
    return facts_of_exif(_tags(file))


def _tags(file: Any) -> Image.Exif:
    """The first directory of a TIFF, read without decoding; empty where it is broken."""
    exif = Image.Exif()
    try:
        file.seek(0)
        exif.load_from_fp(file, None)
    except Exception:  # a broken directory ends in whatever the reader stumbled on
        return Image.Exif()
    finally:
        file.seek(0)
    return exif

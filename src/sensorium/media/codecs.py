"""The formats of pictures: told by their first bytes, opened by one decoder each.

Pillow's own `Image.open` would try forty formats, refuse by the size in the header rather than by
what is decoded, and ask for plug-ins to be registered for everybody; here a format has one class.
"""

import ctypes
import io
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageFile

HEAD = 64  # bytes that `form_of` looks at

# Our own limit, which knows of scaled decoding, comes before Pillow's warning; and broken EXIF in
# somebody's photo is nothing that a person who searches can mend.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("WEBP", 8, b"WEBP"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),
    ("TIFF", 0, b"MM\0+"),
    ("RAW", 0, b"FUJIFILM"),
    ("RAW", 0, b"IIU\0"),
    ("RAW", 0, b"IIRO"),
    ("RAW", 0, b"IIRS"),
    ("RAW", 0, b"MMOR"),
    ("RAW", 0, b"FOVb"),
    ("RAW", 0, b"\0MRM"),
    ("RAW", 6, b"HEAPCCDR"),
)
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_SUFFIXES = {
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "PNG": ".png .apng",
    "GIF": ".gif",
    "WEBP": ".webp",
    "BMP": ".bmp .dib",
    "PPM": ".ppm .pgm .pbm .pnm",
    "HEIF": ".heic .heif .hif",
    "AVIF": ".avif .avifs",
}
_BY_SUFFIX = {suffix: form for form, names in _SUFFIXES.items() for suffix in names.split()}


def form_of(head: bytes) -> str | None:
    """JPEG, PNG, …, RAW by the first `HEAD` bytes; a raw that is a TIFF inside says TIFF."""
    for form, offset, magic in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return form
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "PPM"
    if head[4:8] != b"ftyp":
        return None
    brand, others = head[8:12], head[16 : int.from_bytes(head[:4], "big")]
    if brand == b"crx ":
        return "RAW"
    if brand in (b"avif", b"avis") or (brand in (b"mif1", b"msf1") and b"avi" in others):
        return "AVIF"
    return "HEIF" if brand in _HEIF else None


_OPENERS = {
    "JPEG": "PIL.JpegImagePlugin:JpegImageFile",
    "PNG": "PIL.PngImagePlugin:PngImageFile",
    "GIF": "PIL.GifImagePlugin:GifImageFile",
    "WEBP": "PIL.WebPImagePlugin:WebPImageFile",
    "BMP": "PIL.BmpImagePlugin:BmpImageFile",
    "TIFF": "PIL.TiffImagePlugin:TiffImageFile",
    "PPM": "PIL.PpmImagePlugin:PpmImageFile",
    "AVIF": "PIL.AvifImagePlugin:AvifImageFile",
    "HEIF": "pillow_heif.as_plugin:HeifImageFile",
}


def open_image(form: str, file: Any) -> ImageFile.ImageFile:
    """The header only; pixels come with `load`. Decoders are imported when first needed."""
    if form == "TIFF":
        _hush_libtiff()
    module, _, name = _OPENERS[form].partition(":")
    opener: type[ImageFile.ImageFile] = getattr(import_module(module), name)
    return opener(file)


@cache
def _hush_libtiff() -> None:
    """libtiff tells what it finds broken to stderr by itself, and Pillow has no call to stop it.
    Its wheels bring the library as a file; where it is built in (Windows), it goes on talking."""
    beside = Path(Image.__file__).parent
    for folder in (beside.parent / "pillow.libs", beside / ".dylibs"):
        for path in folder.glob("libtiff*"):
            with suppress(OSError, AttributeError):
                ctypes.CDLL(str(path)).TIFFSetErrorHandler(None)


def label(form: str) -> str:
    """How people call it."""
    return {"HEIF": "HEIC", "WEBP": "WebP", "RAW": "camera raw"}.get(form, form)


def note(form: str, path: Path) -> str:
    """A word where the suffix promises another format, "" where it does not."""
    promised = _BY_SUFFIX.get(path.suffix.lower())
    if promised in (None, form):
        return ""
    article = "an" if form == "AVIF" else "a"
    return f"{article} {label(form)} under the name {path.suffix}"


def is_cut(form: str, file: Any) -> bool:
    """Whether the container promises more bytes than there are."""
    size: int = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 4096))
    tail: bytes = file.read()
    file.seek(0)
    head = file.read(16)
    match form:
        case "JPEG":
            return b"\xff\xd9" not in tail
        case "PNG":
            return b"IEND" not in tail
        case "GIF":
            return not tail.rstrip(b"\0").endswith(b";")
        case "WEBP":
            return int.from_bytes(head[4:8], "little") + 8 > size
        case "BMP":
            return int.from_bytes(head[2:6], "little") > size
        case "HEIF" | "AVIF":
            return boxes_pass(file, size)
        case "TIFF":
            return _directory_passes(file, head, size)
    return False


def _directory_passes(file: Any, head: bytes, size: int) -> bool:
    """Whether the first directory of a TIFF, often written last, lies past its end."""
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    start = int.from_bytes(head[4:8], order)
    file.seek(start)
    entries = int.from_bytes(file.read(2), order)
    return start + 2 + 12 * entries > size


def boxes_pass(file: Any, size: int) -> bool:
    """Whether a box of an ISO file (HEIC, AVIF, MP4, QuickTime) runs past its end."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # to the end of the file
            return False
        if length < 8 or at + length > size:
            return at + length > size
        at += length
    return False

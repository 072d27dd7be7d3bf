"""One picture: any file to upright sRGB pixels, decoded no larger than it is needed."""

import io
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, NotFound
from sensorium.media import codecs
from sensorium.media.picture import Picture, check_size, from_image

_TELLS_NOTHING = re.compile(r"driver|decoder error|^\d*$")

__all__ = ["Picture", "check_size", "open_regular", "read_picture"]


def read_picture(
    source: Path | bytes | NDArray[Any] | str, at_least: int = 0, path: Path | None = None
) -> Picture:
    """Decode by content, not by suffix; the first frame where there are several.

    at_least: pixels of the shorter side that are needed (0: all); decoders scale on the way, so
    that a JPEG of 12 megapixels costs some 20 ms instead of 150.
    path: what to call bytes that were read from there.
    Raises InputError for what is no picture, broken, cut off or too large; NotFound.
    """
    if isinstance(source, np.ndarray):
        return Picture(source, source.shape[1], source.shape[0])
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), at_least, str(path or "the given image"), path)
    path = Path(source)
    with open_regular(path) as file:
        return _read(file, at_least, str(path), path)


def open_regular(path: Path) -> io.BufferedReader:
    """Open for reading what is a plain file; a pipe or a device is never opened."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            why = "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file"
            raise InputError(str(path), why)
        return path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", "nothing is there under that name") from None
    except PermissionError:
        raise InputError(str(path), "no permission to read it") from None
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"it cannot be opened: {error}") from None


def _read(file: Any, at_least: int, name: str, path: Path | None) -> Picture:
    head = file.read(codecs.HEAD)
    if not head:
        raise InputError(name, "it is empty")
    file.seek(0)
    form = codecs.form_of(head)
    if form is None:
        raise InputError(name, "it is no picture that we read")
    try:
        picture = _decode(form, file, at_least, name)
    except InputError:
        raise
    except MemoryError:
        raise InputError(name, "there is not enough memory to decode it") from None
    except Exception as error:  # decoders raise whatever their authors pleased
        raise InputError(name, _why(form, file, error)) from None
    note = codecs.note(form, path) if path else ""
    return Picture(picture.pixels, picture.width, picture.height, picture.facts, note)


def _decode(form: str, file: Any, at_least: int, name: str) -> Picture:
    if form in ("RAW", "TIFF"):
        from sensorium.media import raw

        if form == "RAW" or raw.is_raw(file):
            return raw.read_raw(file, at_least, name)
    with codecs.open_image(form, file) as image:
        return from_image(image, at_least, name)


def _why(form: str, file: Any, error: Exception) -> str:
    said = str(error).strip() or type(error).__name__
    if "truncated" in said.lower() or codecs.is_cut(form, file):
        file.seek(0, io.SEEK_END)
        return f"it is cut off: the {codecs.label(form)} ends after {file.tell():,} bytes"
    if said.startswith("conversion from"):
        return f"its colours are of a kind that we do not read ({said})"
    detail = "" if _TELLS_NOTHING.search(said) else f" ({said.splitlines()[0][:80]})"
    return f"its {codecs.label(form)} data is broken{detail}"

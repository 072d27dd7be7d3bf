"""What a file says about its taking: when, where, with what. For photos and videos alike."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class Facts:
    """taken: the wall clock where it was taken, without a zone. place: (latitude, longitude) in
    degrees, north and east positive. camera: maker and model, "" when unknown."""

    taken: datetime | None = None
    place: tuple[float, float] | None = None
    camera: str = ""


_GPS, _DETAIL = 0x8825, 0x8769
_TAKEN = (0x9003, 0x9004, 0x0132)  # original, digitised, and last the file's own date
_STAMP = re.compile(r"(\d{4})[:\-/](\d\d?)[:\-/](\d\d?)[ T](\d\d?):(\d\d):(\d\d)")
_PLACE = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)")
_FIRST_PHOTOGRAPH = 1826


def facts_of_exif(exif: Image.Exif) -> Facts:
    """Broken or absurd entries are dropped one by one: EXIF is written by anybody."""
    detail, gps = _part(exif, _DETAIL), _part(exif, _GPS)
    stamps = (_taken(detail.get(tag) or exif.get(tag)) for tag in _TAKEN)
    return Facts(
        next((stamp for stamp in stamps if stamp), None),
        _place(gps),
        camera_name(_words(exif.get(0x010F)), _words(exif.get(0x0110))),
    )


def facts_of_tags(tags: Mapping[str, str]) -> Facts:
    """From the metadata of a video container, as MP4 and QuickTime name it."""
    lower = {key.lower(): value for key, value in tags.items()}
    apple = "com.apple.quicktime."
    local = _moment(lower.get(apple + "creationdate", ""), to_local=False)
    stamp = local or _moment(lower.get("creation_time", ""), to_local=True)
    match = _PLACE.match(lower.get(apple + "location.iso6709", lower.get("location", "")))
    return Facts(
        _plausible(stamp) if stamp else None,
        _checked(float(match[1]), float(match[2])) if match else None,
        camera_name(lower.get(apple + "make", ""), lower.get(apple + "model", "")),
    )


def camera_name(make: str, model: str) -> str:
    """`Canon` + `Canon EOS R5` is `Canon EOS R5`; `Apple` + `iPhone 15` is `Apple iPhone 15`."""
    make, model = " ".join(make.split()), " ".join(model.split())
    brand = make.partition(" ")[0].casefold()
    return model if model.casefold().startswith(brand) and model else f"{make} {model}".strip()


def _part(exif: Image.Exif, tag: int) -> dict[int, Any]:
    try:
        return exif.get_ifd(tag)
    except Exception:  # a pointer into nothing ends in whatever the reader stumbled on
        return {}


def _words(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return " ".join(value.replace("\0", " ").split()) if isinstance(value, str) else ""


def _taken(value: Any) -> datetime | None:
    match = _STAMP.match(_words(value))
    try:
        if match is None:
            return None
        year, month, day, hour, minute, second = map(int, match.groups())
        return _plausible(datetime(year, month, day, hour, minute, second))
    except ValueError:  # 0000:00:00, the 31st of February
        return None


def _moment(text: str, to_local: bool) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment.astimezone() if to_local else moment).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def _plausible(stamp: datetime) -> datetime | None:
    """A camera whose clock was never set says 1904 or 2098; zones may run a day ahead of us."""
    if (stamp.month, stamp.day) == (1, 1) and stamp.year in (1904, 1970) and stamp.hour == 0:
        return None
    tomorrow = datetime.now() + timedelta(days=2)
    return stamp if stamp.year >= _FIRST_PHOTOGRAPH and stamp <= tomorrow else None


def _place(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    try:
        latitude = _degrees(gps[2]) * (-1 if _words(gps.get(1)).upper() == "S" else 1)
        longitude = _degrees(gps[4]) * (-1 if _words(gps.get(3)).upper() == "W" else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return _checked(latitude, longitude)


def _degrees(parts: Any) -> float:
    values = [float(part) for part in (parts if isinstance(parts, tuple) else (parts,))]
    return sum((value / 60.0**power for power, value in enumerate(values[:3])), 0.0)


def _checked(latitude: float, longitude: float) -> tuple[float, float] | None:
    """Nobody photographs the buoy at 0, 0: receivers write it before they know."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if latitude == longitude == 0 or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return round(latitude, 6), round(longitude, 6)

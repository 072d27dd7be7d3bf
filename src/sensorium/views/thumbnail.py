"""Small pictures of what a result names: decoded again from its source, never kept in it."""

import io
from pathlib import Path

from PIL import Image as Pil

from sensorium.errors import SensoriumError
from sensorium.media import Image, Kind, Span, Video


def thumbnail(path: Path, kind: str, span: Span | None, side: int) -> Pil.Image | None:
    """The picture, or the frame in the middle of the span, no side longer than `side` pixels.

    None for what has no looks, and for a file that is gone or broken: a view shows a placeholder.
    """
    match kind:
        case Kind.IMAGE:
            media: Image | Video = Image(path)
        case Kind.VIDEO:
            media = Video(path, span)
        case _:
            return None
    try:
        picture = Pil.fromarray(media.pixels(at_least=side))
    except SensoriumError:
        return None
    picture.thumbnail((side, side))
    return picture


def jpeg(picture: Pil.Image) -> bytes:
    """The picture as bytes of a JPEG, small enough to stand inside a page."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=82, optimize=True, progressive=True)
    return data.getvalue()

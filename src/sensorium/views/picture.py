"""Drawn pictures: boxes over the picture that they were found in."""

import io
from functools import cache

from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from sensorium.errors import InputError, NotFound
from sensorium.media import Image, Media, Video
from sensorium.results import Box, Boxes

INK = (233, 30, 99)
FORMS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
# Fonts with Chinese that Windows, macOS and Linux bring; Pillow's own has none.
_FONTS = (
    "msyh.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(boxes: Boxes, suffix: str) -> bytes:
    """The picture with its boxes, encoded as the suffix says.

    Raises InputError for an unknown suffix, and where the picture cannot be had again: a result
    keeps no pixels.
    """
    form = form_of(suffix)
    try:
        media = Media.of(boxes.item, Image, Video)
    except NotFound as error:
        raise InputError(f"{boxes.item} is not there to draw on", error.why) from error
    assert isinstance(media, Image | Video)
    data = io.BytesIO()
    over(Pil.fromarray(media.pixels()), boxes.boxes).save(data, form)
    return data.getvalue()


def form_of(suffix: str) -> str:
    """Pillow's name of the format; InputError for a suffix that we do not write."""
    form = FORMS.get(suffix.lower())
    if form is None:
        raise InputError(f"no picture is written as “{suffix}”", "by the suffix", ", ".join(FORMS))
    return form


def over(picture: Pil.Image, boxes: tuple[Box, ...]) -> Pil.Image:
    """A copy of the picture with outlines and labels."""
    drawn = picture.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    side = min(drawn.size)
    writing, chinese = writing_font(max(11, side // 36))
    for box in boxes:
        pen.rectangle(box.xyxy, outline=INK, width=max(1, side // 250))
        label = box.label if chinese else box.label.encode("latin-1", "ignore").decode("latin-1")
        if label.strip():
            _label(pen, box, label, writing)
    return drawn


def _label(pen: ImageDraw.ImageDraw, box: Box, label: str, font: Font) -> None:
    """The label on a strip above its box; below it where the picture ends."""
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    high = bottom - top + 4
    x = max(0.0, box.xyxy[0])
    y = box.xyxy[1] - high if box.xyxy[1] >= high else box.xyxy[3]
    pen.rectangle((x, y, x + right - left + 6, y + high), fill=INK)
    pen.text((x + 3 - left, y + 2 - top), label, font=font, fill="white")


@cache
def writing_font(size: int) -> tuple[Font, bool]:
    """A font of that size in pixels, and whether it can write Chinese."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size), True
        except OSError:
            continue
    return ImageFont.load_default(size), False

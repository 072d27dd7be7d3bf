import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.errors import InputError
from sensorium.media import Kind
from sensorium.views.picture import INK, draw
from sensorium.views.thumbnail import jpeg, thumbnail


@pytest.mark.parametrize(("suffix", "form"), [(".png", "PNG"), (".JPG", "JPEG"), (".webp", "WEBP")])
def test_boxes_are_drawn_where_they_are(shown: Any, suffix: str, form: str) -> None:
    drawn = Image.open(io.BytesIO(draw(shown.boxes, suffix)))
    assert (drawn.format, drawn.size) == (form, (80, 60))
    if form == "PNG":
        pixels = np.asarray(drawn)
        assert tuple(pixels[30, 25]) == INK and tuple(pixels[25, 10]) == INK
        assert tuple(pixels[25, 25]) == (255, 0, 0) and tuple(pixels[59, 79]) == (0, 0, 255)


def test_a_picture_that_cannot_be_had_again_is_told(shown: Any) -> None:
    with pytest.raises(InputError, match="not there to draw on"):
        draw(replace(shown.boxes, item="the given image"), ".png")
    with pytest.raises(InputError, match=r"no picture is written as “\.txt”"):
        draw(shown.boxes, ".txt")


def test_thumbnails_are_small_and_never_fail(picture: Path, tmp_path: Path) -> None:
    small = thumbnail(picture, Kind.IMAGE, None, 20)
    assert small is not None and small.size == (20, 15)
    assert Image.open(io.BytesIO(jpeg(small))).size == (20, 15)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    for path, kind in (("gone.png", "image"), ("broken.png", "image"), ("gone.mp4", "video")):
        assert thumbnail(tmp_path / path, kind, None, 20) is None
    assert thumbnail(picture, Kind.TEXT, None, 20) is None

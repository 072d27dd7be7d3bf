"""From a decoded picture to what a network takes."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Resample(IntEnum):
    """How pixels are interpolated; the numbers are Pillow's, which checkpoints write down."""

    NEAREST = 0
    LANCZOS = 1
    BILINEAR = 2
    BICUBIC = 3
    BOX = 4
    HAMMING = 5


def resize(
    picture: NDArray[np.uint8], width: int, height: int, resample: Resample
) -> NDArray[np.uint8]:
    """uint8 (h, w, 3) → (height, width, 3); antialiased, as Pillow and so the Hub's models do."""
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture)
    return np.asarray(image.resize((width, height), Image.Resampling(resample)))


def shorter_side(size: int, width: int, height: int) -> tuple[int, int]:
    """(width, height) with the shorter side `size` and the aspect kept, rounded down."""
    if width <= height:
        return size, int(size * height / width)
    return int(size * width / height), size


def within(width: int, height: int, of_width: int, of_height: int) -> tuple[int, int]:
    """(width, height) of a picture scaled to just fit in the given, the aspect kept, rounded."""
    ratio = max(of_width / width, of_height / height)
    return max(1, round(of_width / ratio)), max(1, round(of_height / ratio))


def centre_crop(
    picture: NDArray[np.uint8], width: int, height: int, fill: int = 0, to_even: bool = False
) -> NDArray[np.uint8]:
    """uint8 (h, w, 3) → its middle (height, width, 3), padded with `fill` where it is smaller.

    to_even: where margins cannot be equal, False takes the odd pixel as transformers does (crop at
    floor, pad at ceiling), True as torchvision (crop at the nearest even, pad at floor).
    """
    rows, columns = picture.shape[:2]
    if rows < height or columns < width:
        down, right = max(0, height - rows), max(0, width - columns)
        up = 0 if to_even else 1
        top, left = (down + up) // 2, (right + up) // 2
        margins = ((top, down - top), (left, right - left), (0, 0))
        picture = np.pad(picture, margins, constant_values=fill)
        rows, columns = picture.shape[:2]
    if to_even:
        top, left = round((rows - height) / 2), round((columns - width) / 2)
    else:
        top, left = (rows - height) // 2, (columns - width) // 2
    return picture[top : top + height, left : left + width]


def normalise(
    picture: NDArray[np.uint8],
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    scale: float = 1 / 255,
) -> NDArray[np.float32]:
    """uint8 (h, w, 3) → float32 (3, h, w): (picture · scale - mean) / std, per channel.

    mean, std: (3,) in units of the scaled picture.
    """
    slope = (scale / std).astype(np.float32)[:, None, None]
    shift = (-mean / std).astype(np.float32)[:, None, None]
    # Turned while it is bytes, and added in place: a ninth of the time, the same numbers.
    planes: NDArray[np.float32] = np.ascontiguousarray(picture.transpose(2, 0, 1)) * slope
    planes += shift
    return planes

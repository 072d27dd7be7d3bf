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


def centre_crop(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle (size, size); a picture smaller than that is padded with black."""
    height, width = picture.shape[:2]
    if height < size or width < size:
        top, left = max(0, (size - height) // 2), max(0, (size - width) // 2)
        padded = np.zeros((max(size, height), max(size, width), 3), np.uint8)
        padded[top : top + height, left : left + width] = picture
        picture, (height, width) = padded, padded.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    return picture[top : top + size, left : left + size]


def normalise(
    picture: NDArray[np.uint8],
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    scale: float = 1 / 255,
) -> NDArray[np.float32]:
    """uint8 (h, w, 3) → float32 (3, h, w): (picture · scale - mean) / std, per channel.

    mean, std: (3,) in units of the scaled picture.
    """
    slope = (scale / std).astype(np.float32)
    shift = (-mean / std).astype(np.float32)
    return np.ascontiguousarray((picture * slope + shift).transpose(2, 0, 1))

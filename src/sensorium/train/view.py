"""View: a picture as a network sees it while it trains, and as it sees it later."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.signal.image import Resample, resize
from sensorium.train.pair import Pair

_SIDED = re.compile(r"\b(left|right|clockwise|lettering|reads?|says)\b|[左右]", re.I)


@dataclass(frozen=True)
class View:
    """Squares of `size` pixels. resample: as the trained model will use it.

    scale: the smallest share of a picture's area that a random crop keeps; 1 crops nothing.
    aspect: how far a crop may be from the picture's own aspect, at most 4/3 to one.
    flip: mirror every other picture, but none whose captions tell left from right.
    """

    size: int
    scale: float = 0.6
    aspect: float = 4 / 3
    flip: bool = True
    resample: Resample = Resample.BICUBIC

    def __call__(self, pair: Pair, random: np.random.Generator) -> NDArray[np.uint8]:
        """uint8 (size, size, 3), a random crop squeezed to the square (Szegedy et al. 2015)."""
        pixels = pair.picture(round(self.size * 1.4)).pixels
        if self.scale < 1:
            top, left, height, width = self._crop(pixels.shape[0], pixels.shape[1], random)
            pixels = pixels[top : top + height, left : left + width]
        pixels = resize(np.ascontiguousarray(pixels), self.size, self.size, self.resample)
        if self.flip and random.random() < 0.5 and not _SIDED.search(" ".join(pair.texts)):
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)

    def plain(self, pair: Pair) -> NDArray[np.uint8]:
        """uint8 (size, size, 3), the whole picture squeezed to the square, as a search sees it."""
        return resize(pair.picture(self.size).pixels, self.size, self.size, self.resample)

    def _crop(
        self, rows: int, columns: int, random: np.random.Generator
    ) -> tuple[int, int, int, int]:
        """top, left, height, width."""
        area = random.uniform(self.scale, 1)
        ratio = np.exp(random.uniform(-np.log(self.aspect), np.log(self.aspect)))
        height = min(rows, max(1, round(rows * np.sqrt(area / ratio))))
        width = min(columns, max(1, round(columns * np.sqrt(area * ratio))))
        top = int(random.integers(rows - height + 1))
        left = int(random.integers(columns - width + 1))
        return top, left, height, width

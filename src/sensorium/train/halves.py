"""Pictures as the frozen lower half of a network sees them, kept on disk in several views.

Half of a fine-tuning step is the part that never changes. Computed once for a few random views of
each picture, it lets two cores train the upper half for many epochs.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from sensorium.runtime.onnx import OnnxSession
from sensorium.train.encoders import EfficientNetLite
from sensorium.train.pictured import Pictured
from sensorium.train.shrink import to_onnx

Half = NDArray[np.float16]
Lower = Callable[[torch.Tensor], NDArray[np.float32]]


class _Lower(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, net: EfficientNetLite, stop: int) -> None:
        super().__init__()
        self.net, self.stop = net, stop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.lower(x, self.stop)


def lower_half(net: EfficientNetLite, stop: int, size: int, path: Path) -> Lower:
    """The network's first `stop` blocks, written to `path` and run there: with float16 weights, as
    they ship, and in a third of the time that eager PyTorch takes on two cores."""
    example = (torch.zeros(2, 3, size, size),)
    to_onnx(_Lower(net, stop), example, {"pixels": {0: "n"}}, "half", path, "float16")
    session = OnnxSession(path)
    return lambda pixels: session.run({"pixels": pixels.numpy()})["half"]


def on_ground(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """RGB; a picture with alpha is laid somewhere on a square of one random light colour."""
    if picture.mode != "RGBA":
        return picture
    width, height = picture.size
    side = int(max(width, height) * chance.uniform(1.0, 1.8))
    ground = Image.new("RGB", (side, side), tuple(int(v) for v in chance.integers(60, 256, 3)))
    left, top = chance.integers(0, side - width + 1), chance.integers(0, side - height + 1)
    ground.paste(picture, (int(left), int(top)), picture)
    return ground


def squeezed(picture: Image.Image, size: int) -> Image.Image:
    """The whole picture in a square, as `models/dual_tower.py` does."""
    return picture.resize((size, size), Image.Resampling.BICUBIC)


def varied(picture: Image.Image, size: int, chance: np.random.Generator) -> Image.Image:
    """A random part of 55 to 100 % of the area, mirrored or not, a little brighter or duller.

    Hue stays: captions name colours.
    """
    width, height = picture.size
    area, stretch = chance.uniform(0.55, 1.0), np.exp(chance.uniform(-0.25, 0.25))
    w, h = (
        min(width, width * (area * stretch) ** 0.5),
        min(height, height * (area / stretch) ** 0.5),
    )
    x, y = chance.uniform(0, width - w), chance.uniform(0, height - h)
    part = picture.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + w, y + h))
    if chance.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    part = ImageEnhance.Brightness(part).enhance(chance.uniform(0.8, 1.2))
    return ImageEnhance.Contrast(part).enhance(chance.uniform(0.8, 1.2))


def pixels(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """`(n, 3, s, s)` float32 as EfficientNet-Lite was trained: `(x - 127) / 128`."""
    stacked = np.stack([np.asarray(one, np.uint8) for one in pictures]).transpose(0, 3, 1, 2)
    return (torch.from_numpy(stacked.copy()).float() - 127) / 128


def halves(
    items: Sequence[Pictured],
    views: int,
    size: int,
    lower: Lower,
    path: Path,
    seed: int,
) -> Half:
    """float16 `(views, n, channels, side, side)`, made at `path` unless it is there; view 0 is the
    plain one."""
    if path.is_file():
        return np.asarray(np.load(path, mmap_mode="r"))
    unfinished = path.with_suffix(".part")
    kept: Half | None = None
    for view in range(views):
        chance = np.random.default_rng(seed + view)
        for at in range(0, len(items), 16):
            drawn = []
            for one in items[at : at + 16]:
                picture = on_ground(one.open(), chance)
                drawn.append(varied(picture, size, chance) if view else squeezed(picture, size))
            found = lower(pixels(drawn))
            if kept is None:
                shape = (views, len(items), *found.shape[1:])
                kept = open_memmap(unfinished, "w+", np.float16, shape)
            kept[view, at : at + 16] = found
    assert kept is not None, f"no pictures for {path}"
    kept.flush()  # type: ignore[attr-defined]
    unfinished.rename(path)
    return kept

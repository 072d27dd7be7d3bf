"""A picture encoder from nothing: hide most patches, paint them (MAE; He et al., CVPR 2022).

When to use it: to start an image tower where many pictures and few captions are at hand. Needs
pictures only. Three quarters of the patches are hidden, so the encoder sees a quarter and a step
is cheap; it gets good slowly (hundreds of passes), and what it has learnt shows only when it is
trained on, not in distances between its vectors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sensorium.task import Range
from sensorium.train.begin.run import fill, shaped
from sensorium.train.data import Pairs, read_parts
from sensorium.train.export import export_graph, picture_config, write_config
from sensorium.train.feed import Batch, Feed, Part, keep, pixels_of
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.losses import masked_patches
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.pixels import normal
from sensorium.train.processes import Processes
from sensorium.train.transformer import Patches, Stack, patches_of
from sensorium.train.used import told_ids, used_ids, write_ids
from sensorium.train.view import View

_KEPT = 512  # pictures that validation looks at
_SHAPE = ("size", "patch", "width", "layers", "heads", "painter")
_RECIPE = "masked-image"


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A finished run of this recipe, dir:path; its shape counts."] = ""
    size: Annotated[int, Range(8, 2048), "Pixels of the square that is seen."] = 96
    patch: Annotated[int, Range(2, 64), "Pixels of a patch's side; they divide the size."] = 12
    width: Annotated[int, Range(8, 8192), "Numbers a patch."] = 192
    layers: Annotated[int, Range(1, 100), "Blocks of the encoder."] = 6
    heads: Annotated[int, Range(1, 128), "Attention heads; they divide the width."] = 6
    painter: Annotated[int, Range(1, 100), "Blocks of the decoder, half as wide."] = 2
    hidden: Annotated[float, Range(0.1, 0.95), "Share of the patches that is hidden."] = 0.75
    crop: Annotated[float, Range(0.05, 1), "Smallest share of a picture that is kept."] = 0.3


class MaskedImage(nn.Module):  # type: ignore[misc]
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.side = config.patch
        self.patches = Patches(config.size, config.patch, config.width)
        self.stack = Stack(config.layers, config.width, config.heads)
        narrow = max(config.width // 2 // config.heads, 1) * config.heads
        self.narrow = nn.Linear(config.width, narrow)
        self.unseen = nn.Parameter(torch.zeros(narrow))
        self.places = nn.Parameter(torch.randn(self.patches.count, narrow) * 0.02)
        self.painter = Stack(config.painter, narrow, config.heads)
        self.paint = nn.Linear(narrow, config.patch**2 * 3)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, size, size) → (n, width), the mean over patches, none of them hidden."""
        vectors: Tensor = self.stack(self.patches(pixels)).mean(1)
        return vectors

    def painted(self, pixels: Tensor, order: Tensor, count: int) -> Tensor:
        """All patches as they are painted from the first `count` of each picture's `order`."""
        n, seen = len(pixels), order[:, :count]
        vectors = self.patches(pixels)
        shown = vectors.gather(1, seen[..., None].expand(-1, -1, vectors.shape[2]))
        known = self.narrow(self.stack(shown))
        canvas = self.unseen.to(known.dtype).expand(n, self.patches.count, -1)
        canvas = canvas.scatter(1, seen[..., None].expand(-1, -1, known.shape[2]), known)
        patches: Tensor = self.paint(self.painter(canvas + self.places))
        return patches


class Training:
    """See `loop.Trainee`."""

    watched = "explained"  # share of the hidden patches' variance

    def __init__(self, config: Config, train: Pairs, val: Pairs, processes: Processes) -> None:
        self.config, self.val, self.processes = config, val, processes
        self.view = View(config.size, scale=config.crop)
        torch.manual_seed(config.seed)
        self.model = MaskedImage(config)
        fill(self.model, _RECIPE, config.begin)
        part = Part(processes.rank, processes.count)
        self.feed = Feed(train, config.batch, config.seed, self.view, part)
        self.kept = keep(val, self.view, _KEPT)
        self.used = used_ids((pair.id for pair in train), self.kept.ids)

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Batch]:
        return self.feed.batches(start)

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        return self._painted(pixels_of(batch), [one.random for one in batch]), {}

    def _painted(self, squares: NDArray[np.uint8], randoms: list[np.random.Generator]) -> Tensor:
        device, count = self.processes.device, self.model.patches.count
        pixels = normal(squares, device)
        order = torch.from_numpy(np.stack([one.permutation(count) for one in randoms])).to(device)
        shown = max(1, round(count * (1 - self.config.hidden)))
        hidden = torch.ones(order.shape, dtype=torch.bool, device=device)
        hidden.scatter_(1, order[:, :shown], False)
        painted = self.model.painted(pixels, order, shown)
        return masked_patches(painted.float(), patches_of(pixels, self.config.patch), hidden)

    def validate(self) -> dict[str, float]:
        losses = []
        for start in range(0, len(self.kept.pixels), 64):
            squares = self.kept.pixels[start : start + 64]
            randoms = [np.random.default_rng([9, start, row]) for row in range(len(squares))]
            losses.append(float(self._painted(squares, randoms)) * len(squares))
        loss = sum(losses) / len(self.kept.pixels)
        return {self.watched: 1 - loss, "validation loss": loss}

    def about(self) -> dict[str, str]:
        return {
            "start": f"`{self.config.begin}`" if self.config.begin else "nothing",
            "pictures": f"{len(self.feed.pairs):,} to train on, {len(self.kept.ids):,} to validate",
            "ids": told_ids(self.used),
            "parameters": f"{sum(one.numel() for one in self.model.parameters()):,}",
        }

    def bad(self) -> list[Bad]:
        return [*self.feed.bad.values(), *self.val.bad]

    def finish(self, out: Path) -> None:
        """`model.onnx`: pixels → embedding (the mean over patches); `config.json`, ids."""
        write_ids(out, self.used)
        config = self.config
        shape = {"width": config.width, "layers": config.layers, "heads": config.heads}
        image = picture_config(config.size, self.view.resample)
        write_config(
            out, {"model_type": "masked-image", "image": image, "patch": config.patch} | shape
        )
        pixels = normal(self.kept.pixels[[0, -1]], torch.device("cpu"))
        axes = {"pixels": {0: "pictures"}, "embedding": {0: "pictures"}}
        export_graph(self.model, {"pixels": pixels}, "embedding", axes, out / "model.onnx")


def start(config: Config, processes: Processes) -> Training:
    config = shaped(config, _RECIPE, config.begin, _SHAPE)
    train, val = read_parts(config.data, config.val, captioned=False)
    return Training(config, train, val, processes)

"""A detector of faces in one pass: score, box and five points at every cell of three grids.

The trunk is the lower part of EfficientNet-Lite0, a small pyramid on it (Lin et al., CVPR 2017)
brings what is coarse to what is fine, and one head for all grids tells for each cell whether a face
is about it (Tian et al., ICCV 2019; the score learns the overlap of its box, Li et al., NeurIPS
2020).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.train.encoders import MIDDLE, SPREAD, Block, EfficientNetLite, SameConv

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32)
SIDES = ((0, 40), (32, 88), (72, 10**6))
"""Sides of faces in pixels that each grid learns."""
_FINE, _COARSE = 5, 11  # blocks of the trunk after which its first two grids stand
NUMBERS = 15  # of a cell: score, left, top, right, bottom, five points
SKIPPED, NOTHING = -2, -1


class FaceNet(nn.Module):  # type: ignore[misc]
    """`(n, 3, h, w)` as `(x - 127) / 128`, sides multiples of 32 → `(n, cells, 15)`, the grids one
    after another, finest first, each row by row; see `decode`."""

    def __init__(self, trunk: EfficientNetLite, width: int = 48, frozen: int = 0) -> None:
        """frozen: blocks of the trunk, with its stem, that are not trained."""
        super().__init__()
        self.frozen = frozen
        self.stem, self.blocks = trunk.stem, trunk.blocks[:_COARSE]
        for part in (self.stem, *self.blocks[:frozen]) if frozen else ():
            part.requires_grad_(False)
        self.down = nn.Sequential(Block(112, 96, 5, 2, 3), Block(96, 96, 5, 1, 3))
        self.sides = nn.ModuleList(SameConv(c, width, 1, act=False) for c in (40, 112, 96))
        self.joins = nn.ModuleList(_separable(width, 3) for _ in STRIDES)
        self.head = nn.Sequential(_separable(width, 5), _separable(width, 5))
        self.told = nn.Conv2d(width, NUMBERS, 1)
        nn.init.normal_(self.told.weight, std=0.01)
        nn.init.zeros_(self.told.bias)
        nn.init.constant_(self.told.bias[:1], -4.6)  # a face is rare: one cell in a hundred
        nn.init.constant_(self.told.bias[1:5], 0.5)

    def forward(self, x: Tensor) -> Tensor:
        grids = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            x = self.stem(x)
        for number, block in enumerate(self.blocks, 1):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number > self.frozen):
                x = block(x)
            if number in (_FINE, _COARSE):
                grids.append(x)
        grids.append(self.down(x))
        above: Tensor | None = None
        told = []
        for grid, side, join in reversed(list(zip(grids, self.sides, self.joins, strict=True))):
            x = side(grid)
            if above is not None:
                x = x + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = join(F.relu6(x))
            told.append(self.told(self.head(above)).flatten(2).transpose(1, 2))
        return torch.cat(told[::-1], 1)

    def train(self, mode: bool = True) -> "FaceNet":
        super().train(mode)
        if self.frozen:
            for part in (self.stem, *self.blocks[: self.frozen]):
                part.eval()
        return self


def _separable(width: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        SameConv(width, width, kernel, groups=width, act=False), SameConv(width, width, 1)
    )


def cells(height: int, width: int) -> Floats:
    """(cells, 3): x and y of each cell's middle in pixels, and its stride, in `FaceNet`'s order."""
    parts = []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        middles = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        parts.append(np.c_[middles, np.full(len(middles), stride)])
    return np.concatenate(parts).astype(np.float32)


class Decoded(nn.Module):  # type: ignore[misc]
    """`FaceNet` with its numbers in pixels: score 0 to 1, left, top, right, bottom, five points."""

    def __init__(self, net: FaceNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        grids = []
        for stride in STRIDES:
            # Counted in the graph, so that it takes pictures of any size.
            one = torch.ones_like(pixels[:1, :1, ::stride, ::stride])
            middles = [one.cumsum(axis).flatten() - 0.5 for axis in (3, 2)]
            grids.append(torch.stack(middles, 1) * stride)
        places = torch.cat(grids)
        strides = torch.cat([0 * g[:, :1] + s for g, s in zip(grids, STRIDES, strict=True)])
        told = self.net(pixels)
        return torch.cat([told[..., :1].sigmoid(), decode(told[..., 1:], places, strides)], -1)


def decode(told: Tensor, places: Tensor, strides: Tensor) -> Tensor:
    """`(…, cells, 14)` as the net tells it → the same in pixels. places (cells, 2), strides
    (cells, 1). Distances to the box's sides are `exp(told) · stride`."""
    away = told[..., :4].clamp(-4, 4).exp() * strides
    corners = [places - away[..., :2], places + away[..., 2:]]
    points = told[..., 4:] * strides + places.repeat(1, 5)
    return torch.cat([*corners, points], -1)


@dataclass(frozen=True)
class Canvas:
    """pixels uint8 (h, w, 3). xyxy (n, 4), points (n, 5, 2), NaN where unmarked. open: (m, 4) boxes
    of which nobody says whether faces are in them."""

    pixels: NDArray[np.uint8]
    xyxy: Floats
    points: Floats
    open: Floats


def targets(canvas: Canvas) -> NDArray[np.int64]:
    """(cells,): which of the canvas's faces each cell is to tell, `NOTHING`, or `SKIPPED`.

    A face is told by cells near its middle, of the grids for its size; where several claim a cell,
    the smallest has it.
    """
    grid = cells(*canvas.pixels.shape[:2])
    told = np.full(len(grid), NOTHING, np.int64)
    for box in canvas.open:
        told[((grid[:, :2] > box[:2]) & (grid[:, :2] < box[2:])).all(1)] = SKIPPED
    sides = np.sqrt((canvas.xyxy[:, 2:] - canvas.xyxy[:, :2]).prod(1))
    for at in np.argsort(-sides):
        box, side = canvas.xyxy[at], sides[at]
        away = np.abs(grid[:, :2] - (box[:2] + box[2:]) / 2)
        inside = ((grid[:, :2] > box[:2]) & (grid[:, :2] < box[2:])).all(1)
        near = (away < np.maximum(0.22 * side, 0.75 * grid[:, 2:])).all(1)
        fits = np.zeros(len(grid), bool)
        for stride, (low, high) in zip(STRIDES, SIDES, strict=True):
            fits |= (grid[:, 2] == stride) & (low <= side) & (side <= high)
        # About the middle of a face, a cell of another grid may tell it or not.
        told[inside & near & ~fits & (told == NOTHING)] = SKIPPED
        told[inside & near & fits] = at
    return told


@dataclass(frozen=True)
class Batch:
    """pixels `(n, 3, h, w)`; told `(n, cells)`, see `targets`; wanted `(n, cells, 14)` in pixels
    where a face is told."""

    pixels: Tensor
    told: Tensor
    wanted: Tensor


def batched(canvases: list[Canvas]) -> Batch:
    """Canvases of one size."""
    told = np.stack([targets(one) for one in canvases])
    wanted = np.zeros((*told.shape, NUMBERS - 1), np.float32)
    for at, one in enumerate(canvases):
        numbers = np.concatenate([one.xyxy, one.points.reshape(-1, 10)], 1)
        has = told[at] >= 0
        wanted[at, has] = numbers[told[at, has]]
    pixels = np.stack([one.pixels for one in canvases]).transpose(0, 3, 1, 2)
    return Batch(scaled(torch.from_numpy(pixels)), torch.from_numpy(told), torch.from_numpy(wanted))


def scaled(pixels: Tensor) -> Tensor:
    """uint8 `(n, 3, h, w)` → as the trunk takes it."""
    return ((pixels.float() - MIDDLE) / SPREAD).contiguous(memory_format=torch.channels_last)


def detection_loss(told: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """told: of `FaceNet`. Quality focal loss of the score, generalised IoU of the box, distance of
    the points in sides of the face."""
    told = told.float()
    height, width = batch.pixels.shape[2:]
    grid = torch.from_numpy(cells(height, width)).to(told.device)
    has = batch.told >= 0
    places, strides = (part.expand(len(told), -1, -1)[has] for part in (grid[:, :2], grid[:, 2:]))
    found, wanted = decode(told[has][:, 1:], places, strides), batch.wanted[has]
    overlap, general = _overlap(found[:, :4], wanted[:, :4])
    count = max(1, int(has.sum()))
    quality = torch.zeros_like(told[..., 0])
    quality[has] = overlap.detach().clamp(0.05, 1)
    asked = batch.told != SKIPPED
    logit, wish = told[..., 0][asked], quality[asked]
    weight = (wish - logit.sigmoid()).abs() ** 2
    score = (F.binary_cross_entropy_with_logits(logit, wish, reduction="none") * weight).sum()
    side = (wanted[:, 2:4] - wanted[:, :2]).prod(1).sqrt()[:, None]
    marked = ~wanted[:, 4:].isnan()
    gap = torch.where(marked, found[:, 4:] - wanted[:, 4:].nan_to_num(), 0.0) / side
    points = F.smooth_l1_loss(gap, torch.zeros_like(gap), beta=0.05, reduction="sum")
    parts = {
        "score": score / count,
        "box": (1 - general).sum() / count,
        "points": points / marked.sum().clamp(min=1),
    }
    whole = parts["score"] + 1.5 * parts["box"] + 5 * parts["points"]
    return whole, {name: value.detach() for name, value in parts.items()}


def _overlap(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """IoU, and generalised IoU (Rezatofighi et al., CVPR 2019), of boxes in pairs."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(1)

    a, b = (one[:, :2], one[:, 2:]), (other[:, :2], other[:, 2:])
    shared = area(torch.maximum(a[0], b[0]), torch.minimum(a[1], b[1]))
    both = area(*a) + area(*b) - shared
    around = area(torch.minimum(a[0], b[0]), torch.maximum(a[1], b[1]))
    iou = shared / both.clamp(min=1e-6)
    return iou, iou - (around - both) / around.clamp(min=1e-6)

"""MTCNN (Zhang et al., IEEE SPL 2016, arXiv 1604.02878): three small nets that find faces in turn,
the teacher and the peer of our own detector. Its weights are a start of `train/starts.py`.

A window of 12 pixels slides over the picture at many scales; what it lets pass is looked at in 24
and then in 48 pixels, and each net moves the box that it is given.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.signal.boxes import keep_best

Floats = NDArray[np.float32]
_SHRINK = 0.709  # between scales: half the area
_SMALLEST = 20  # side of a face in pixels, below which none is looked for
AUTHORS = (0.6, 0.7, 0.7)
"""Least score of each net."""


@dataclass(frozen=True)
class Found:
    """xyxy (n, 4) and points (n, 5, 2) in pixels, scores (n,); see `roles.Face` for their order."""

    xyxy: Floats
    points: Floats
    scores: Floats


class Net(nn.Module):  # type: ignore[misc]
    """Convolutions with PReLU and pooling, then linear layers; heads for score, box and points."""

    def __init__(self, state: dict[str, Tensor], pools: tuple[int, ...]) -> None:
        """pools: kernel of the pooling after each convolution, 0 for none; the stride is 2."""
        super().__init__()
        self.pools = pools
        self.state = nn.ParameterDict(
            {name.replace(".", "-"): nn.Parameter(value) for name, value in state.items()}
        )
        body = sorted({name.split(".")[1] for name in state if name.startswith("features.conv")})
        self.body = [f"features-{name}" for name in body]
        self.heads = sorted({name.split(".")[0] for name in state if name.startswith("conv")})

    def forward(self, x: Tensor) -> list[Tensor]:
        for name, pool in zip(self.body, self.pools, strict=True):
            weight, bias = self.state[f"{name}-weight"], self.state[f"{name}-bias"]
            if weight.ndim == 2 and x.ndim == 4:
                x = x.transpose(2, 3).flatten(1)  # the weights know columns before rows
            x = F.linear(x, weight, bias) if weight.ndim == 2 else F.conv2d(x, weight, bias)
            x = F.prelu(x, self.state[name.replace("conv", "prelu") + "-weight"])
            if pool:
                x = F.max_pool2d(x, pool, 2, ceil_mode=True)
        told = []
        for name in self.heads:
            weight, bias = self.state[f"{name}-weight"], self.state[f"{name}-bias"]
            told.append(
                F.linear(x, weight, bias) if weight.ndim == 2 else F.conv2d(x, weight, bias)
            )
        told[0] = told[0].softmax(1)[:, 1]
        return told


class Mtcnn:
    def __init__(self, folder: Path, least: tuple[float, float, float] = AUTHORS) -> None:
        """folder: of `mtcnn_pnet.pt`, `mtcnn_rnet.pt`, `mtcnn_onet.pt`. least: score of each net
        below which it is none."""

        def net(name: str, *pools: int) -> Net:
            path = folder / f"mtcnn_{name}.pt"
            made = Net(torch.load(path, weights_only=True, map_location="cpu"), pools)
            made.eval()
            return made

        self.least = least
        self.first = net("pnet", 2, 0, 0)
        self.second = net("rnet", 3, 3, 0, 0)
        self.third = net("onet", 3, 3, 2, 0, 0)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(self, picture: NDArray[np.uint8]) -> Found:
        """uint8 (height, width, 3) → the faces, the surest first."""
        x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
        x = (x.float() - 127.5) / 128
        boxes, scores = self._slide(x)
        keep = keep_best(boxes, scores, 0.7)
        boxes = _squared(boxes[keep])
        points = np.zeros((0, 10), np.float32)
        for step, (net, side) in enumerate(((self.second, 24), (self.third, 48)), 1):
            if not len(boxes):
                break
            told = [one.numpy() for one in net(_crops(x, boxes, side))]
            sure = told[0] > self.least[step]
            boxes, scores, moves = boxes[sure], told[0][sure], told[1][sure]
            if net is self.third:
                points = told[2][sure]
                points = _placed(points.reshape(-1, 2, 5).transpose(0, 2, 1), boxes)
            boxes = _moved(boxes, moves)
            if net is self.second:
                keep = keep_best(boxes, scores, 0.7)
                boxes, scores = _squared(boxes[keep]), scores[keep]
        if not len(boxes) or not len(points):
            none = np.zeros((0, 4), np.float32)
            return Found(none, np.zeros((0, 5, 2), np.float32), none[:, 0])
        keep = keep_best(boxes, scores, 0.7, of_smaller=True)
        return Found(boxes[keep], points[keep], scores[keep])

    def _slide(self, x: Tensor) -> tuple[Floats, Floats]:
        """What the first net lets pass, at every scale."""
        boxes, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        scale = 12 / _SMALLEST
        while min(x.shape[2:]) * scale >= 12:
            size = [int(np.ceil(side * scale)) for side in x.shape[2:]]
            chances, moves = self.first(F.interpolate(x, size, mode="area"))
            rows, columns = np.nonzero(chances[0].numpy() > self.least[0])
            corner = np.stack([columns, rows], 1).astype(np.float32) * 2
            own = (np.concatenate([corner, corner + 12], 1) / scale).astype(np.float32)
            own = _moved(own, moves[0].permute(1, 2, 0).numpy()[rows, columns])
            sure = chances[0].numpy()[rows, columns]
            keep = keep_best(own, sure, 0.5)
            boxes.append(own[keep])
            scores.append(sure[keep])
            scale *= _SHRINK
        return np.concatenate(boxes), np.concatenate(scores)


def _moved(boxes: Floats, moves: Floats) -> Floats:
    """Corners moved by shares of the box's own width and height."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + moves * np.tile(sides, 2)


def _placed(points: Floats, boxes: Floats) -> Floats:
    sides = boxes[:, None, 2:] - boxes[:, None, :2]
    return boxes[:, None, :2] + points * sides


def _squared(boxes: Floats) -> Floats:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.concatenate([middles - half, middles + half], 1)


def _crops(x: Tensor, boxes: Floats, side: int) -> Tensor:
    """Squares cut out, black beyond the picture, each `side` pixels wide."""
    height, width = x.shape[2:]
    crops = []
    for left, top, right, bottom in np.rint(boxes).astype(int):
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        inside = x[:, :, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        margins = (
            max(-left, 0), max(right - max(width, left), 0),
            max(-top, 0), max(bottom - max(height, top), 0),
        )  # fmt: skip
        whole = F.pad(inside, margins, value=-127.5 / 128)
        crops.append(F.interpolate(whole, (side, side), mode="area"))
    return torch.cat(crops)

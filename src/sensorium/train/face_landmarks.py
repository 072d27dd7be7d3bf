"""The network of `recipes/face_landmarks.py`, and how faces are varied for it.

The lower part of EfficientNet-Lite0 down to a grid of 6 x 6 cells, and a linear map of the whole
grid: where a cell is tells where a point is; a mean over cells, as the teacher takes, forgets it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.train.encoders import MIDDLE, SPREAD, EfficientNetLite, SameConv
from sensorium.train.face_emotion import about, centred, in_whole, settle
from sensorium.train.face_points import MIRRORED, POINTS

SIDE = 64
"""Of a face as it is cut out, pixels: as many as small faces have, so large ones look alike."""
AROUND = 1.4
"""Side of the square that is cut out, of the longer side of a box from brow to chin."""
_INNER = 96  # what the network enlarges it to
CHANNELS = 80
"""Of the last block that is used."""
_BLOCKS, _STRIDE = 8, 16
EYES, NOSE, CORNERS = (slice(36, 42), slice(42, 48)), 30, (48, 54)
_WEIGHTS = (*[0.4] * 17, *[1.0] * 10, *[0.7] * 9, *[1.6] * 12, *[1.4] * 20)  # the jaw is vague
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


class FacePoints(nn.Module):  # type: ignore[misc]
    """Faces (n, 3, 64, 64), 0 to 255, to points (n, 68, 2) in shares of the side. The stem and the
    first `frozen` blocks stay as they are."""

    def __init__(self, net: EfficientNetLite, frozen: int, width: int, mean: Tensor) -> None:
        """mean (68, 2): of all faces, which the network begins with."""
        super().__init__()
        self.frozen = frozen
        net.blocks = net.blocks[:_BLOCKS]
        net.head = SameConv(CHANNELS, width, 1)
        centred(net)
        in_whole(net)
        self.net = net.to(memory_format=torch.channels_last)
        self.told = nn.Linear(width * (_INNER // _STRIDE) ** 2, 2 * POINTS)
        nn.init.normal_(self.told.weight, std=1e-3)
        self.told.bias = nn.Parameter(mean.flatten().clone())

    def forward(self, faces: Tensor) -> Tensor:
        x = _entered(faces)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen == 0):
            x = self.net.lower(x, self.frozen)
        x = self.net.upper(x, self.frozen)
        with torch.autocast(x.device.type, enabled=False):  # 16 bits of a place tremble
            return self.told(x.float().flatten(1)).view(-1, POINTS, 2)

    def settle(self, faces: Tensor) -> None:
        """Give the frozen blocks the means and spreads of faces, and fold their norms away."""
        settle(self.net, self.frozen, (_entered(part) for part in faces.split(64)))


def _entered(faces: Tensor) -> Tensor:
    x = F.interpolate(faces, (_INNER, _INNER), mode="bilinear", align_corners=False)
    return ((x - MIDDLE) / SPREAD).contiguous(memory_format=torch.channels_last)


def five(points: Tensor) -> Tensor:
    """(n, 68, 2) → (n, 5, 2), as of detectors: eyes, tip of the nose, corners of the mouth."""
    eyes = [points[:, one].mean(1) for one in EYES]
    return torch.stack([*eyes, points[:, NOSE], *(points[:, one] for one in CORNERS)], 1)


def between_eyes(points: Tensor) -> Tensor:
    """(n, 68, 2) → (n,): from the outer corner of one eye to that of the other."""
    return (points[:, 45] - points[:, 36]).norm(dim=-1)


@dataclass(frozen=True)
class Marked:
    """Faces with their points. pixels: uint8 (n, 3, s, s). boxes (n, 3): middle and longer side,
    points (n, 68, 2) and real (n, 5, 2), in pixels. real: marked by people, nan where they are not.
    doubt (n,): how far the teacher's views of a face are apart, of the eyes' distance."""

    pixels: Tensor
    boxes: Tensor
    points: Tensor
    real: Tensor
    doubt: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Tensor) -> "Marked":
        return Marked(
            self.pixels[rows], self.boxes[rows], self.points[rows], self.real[rows],
            self.doubt[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class View:
    """Squares cut out of pictures: middle (n, 2) and side (n,) in pixels, turn (n,) in radians,
    mirror (n,): whether as in a mirror."""

    middle: Tensor
    side: Tensor
    turn: Tensor
    mirror: Tensor

    @classmethod
    def straight(cls, boxes: Tensor) -> "View":
        none = torch.zeros(len(boxes))
        return cls(boxes[:, :2], boxes[:, 2] * AROUND, none, none > 0)

    @classmethod
    def by_chance(
        cls, boxes: Tensor, turn: float, scale: float, shift: float, around: float
    ) -> "View":
        """turn: radians at most; scale: of its logarithm; shift: of the face's side."""
        n, side = len(boxes), boxes[:, 2]
        moved = boxes[:, :2] + about(n, shift, 2) * side[:, None]
        scales = torch.exp(about(n, scale))
        return cls(moved, side * around * scales, about(n, turn), torch.rand(n) < 0.5)

    def cut(self, pixels: Tensor, out: int) -> Tensor:
        """float32 (n, 3, out, out); beyond the rim the last pixels go on."""
        line = (torch.arange(out) + 0.5) / out - 0.5
        y, x = torch.meshgrid(line, line, indexing="ij")
        grid = torch.stack([x, y], -1)[None].expand(len(pixels), -1, -1, -1).flatten(1, 2)
        spots = self.outside(grid + 0.5).view(len(pixels), out, out, 2)
        size = torch.tensor([pixels.shape[3], pixels.shape[2]])
        return F.grid_sample(
            pixels.float(), spots / size * 2 - 1, padding_mode="border", align_corners=False
        )

    def outside(self, points: Tensor) -> Tensor:
        """From shares of the square (n, p, 2) to pixels of the pictures."""
        x, y = (points - 0.5).unbind(-1)
        x = torch.where(self.mirror[:, None], -x, x)
        cos, sin = torch.cos(self.turn)[:, None], torch.sin(self.turn)[:, None]
        turned = torch.stack([cos * x - sin * y, sin * x + cos * y], -1)
        return turned * self.side[:, None, None] + self.middle[:, None]

    def inside(self, points: Tensor) -> Tensor:
        """From pixels of the pictures (n, p, 2) to shares of the square."""
        x, y = ((points - self.middle[:, None]) / self.side[:, None, None]).unbind(-1)
        cos, sin = torch.cos(self.turn)[:, None], torch.sin(self.turn)[:, None]
        x, y = cos * x + sin * y, -sin * x + cos * y
        return torch.stack([torch.where(self.mirror[:, None], -x, x), y], -1) + 0.5


def mirrored(points: Tensor, mirror: Tensor) -> Tensor:
    """The points by what they are in the face that a mirror shows: `face_points.MIRRORED`."""
    return torch.where(mirror[:, None, None], points[:, MIRRORED], points)


def varied(faces: Marked) -> tuple[Tensor, Tensor]:
    """What the network sees, (n, 3, 64, 64), and where the points are in it: turned by up to 30
    degrees, moved, nearer or farther, mirrored, of other light and colour, coarse or blurred."""
    view = View.by_chance(faces.boxes, math.radians(30), 0.16, 0.08, AROUND)
    x = view.cut(faces.pixels, SIDE)
    return _recoloured(_coarse(x)), mirrored(view.inside(faces.points), view.mirror)


def _coarse(x: Tensor) -> Tensor:
    """One batch in four is as of smaller faces, one in six blurred."""
    chance = float(torch.rand(()))
    if chance < 0.25:
        few = int(torch.randint(SIDE // 3, SIDE * 3 // 4, ()))
        small = F.interpolate(x, (few, few), mode="area")
        return F.interpolate(small, (SIDE, SIDE), mode="bilinear", align_corners=False)
    if chance < 0.42:
        return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x


def _recoloured(x: Tensor) -> Tensor:
    n = len(x)
    grey = (x * torch.tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
    left = torch.where(torch.rand(n) < 0.3, 0.0, 0.6 + 0.8 * torch.rand(n))[:, None, None, None]
    x = grey + (x - grey) * left
    mean = x.mean((1, 2, 3), keepdim=True)
    contrast, light = torch.exp(about(n, 0.35)), about(n, 35)[:, None] + about(n, 12, 3)
    x = (x - mean) * contrast[:, None, None, None] + mean + light[:, :, None, None]
    return (x + torch.randn_like(x) * 6 * torch.rand(n)[:, None, None, None]).clamp(0, 255)


def points_loss(told: Tensor, wanted: Tensor, doubt: Tensor) -> Tensor:
    """The distance of points in shares of that of the eyes, little ones counting less than their
    share (smooth L1); faces that the teacher doubts count less."""
    apart = (told - wanted) / between_eyes(wanted)[:, None, None].clamp_min(0.05)
    each = F.smooth_l1_loss(apart, torch.zeros_like(apart), reduction="none", beta=0.03).sum(-1)
    each = (each * torch.tensor(_WEIGHTS)).mean(1)
    trust = 1 / (1 + (doubt / 0.05) ** 2)
    return (each * trust).sum() / trust.sum()

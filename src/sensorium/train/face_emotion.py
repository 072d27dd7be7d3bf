"""The network of `recipes/face_emotion.py`, and how faces are varied for it."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from sensorium.train.encoders import MIDDLE, SPREAD, EfficientNetLite, SameConv


class Whole(nn.Module):  # type: ignore[misc]
    """A depthwise convolution in 32 bits, also where the rest computes in 16: CPUs have fast
    products of 16-bit matrices, and no fast depthwise kernel."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.conv(x.float())


class FaceEmotion(nn.Module):  # type: ignore[misc]
    """EfficientNet-Lite0 on one grey channel, with a head for the one label of a face and one for
    the votes of many people.

    Grey faces `(n, side, side)`, 0 to 255, at any side, to logits `(n, 2 * labels)`, first those of
    the label. The first `frozen` blocks stay as they are.
    """

    def __init__(self, net: EfficientNetLite, labels: int, frozen: int, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        _made_grey(net)
        centred(net)
        _narrowed(net)
        in_whole(net)
        self.net = net.to(memory_format=torch.channels_last)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(1280, 2 * labels)
        nn.init.zeros_(self.heads.bias)
        nn.init.normal_(self.heads.weight, std=0.01)

    def forward(self, faces: Tensor) -> Tensor:
        x = ((faces - MIDDLE) / SPREAD)[:, None].contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen == 0):
            x = self.net.lower(x, self.frozen)
        x = self.net.upper(x, self.frozen)
        return self.heads(self.dropout(x.mean((2, 3)).float()))

    def settle(self, faces: Tensor) -> None:
        """Give the frozen blocks the means and spreads of faces, and fold their norms away."""
        if not self.frozen:
            return
        parts = (((part - MIDDLE) / SPREAD)[:, None] for part in faces.split(64))
        settle(self.net, self.frozen, parts)


def settle(net: EfficientNetLite, frozen: int, parts: Iterable[Tensor]) -> None:
    """Give the stem and the first `frozen` blocks the means and spreads of what is shown, fold
    their norms away, and let them learn no more."""
    lower = [net.stem, *net.blocks[:frozen]]
    refit(net, lower)
    with torch.no_grad():
        for part in parts:
            net.lower(part, frozen)
    for one in lower:
        fold(one)
        one.requires_grad_(False)


def refit(net: nn.Module, parts: list[nn.Module]) -> None:
    """From here on what `net` is shown gives the norms of `parts` their means and spreads."""
    for norm in (m for part in parts for m in part.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.reset_running_stats()
        norm.momentum = None  # of all batches alike
    net.train()


def _made_grey(net: EfficientNetLite) -> None:
    """Three equal channels are one: the kernels of red, green and blue add up."""
    conv = next(part for part in net.stem if isinstance(part, nn.Conv2d))
    grey = nn.Conv2d(1, conv.out_channels, 3, 2, 1, bias=False)
    grey.weight = nn.Parameter(conv.weight.detach().sum(1, keepdim=True))
    net.stem = nn.Sequential(grey, *list(net.stem)[-2:])


def centred(net: nn.Module) -> None:
    """Padding alike on all sides: half a cell's shift, which training takes in, for a copy less."""
    for part in net.modules():
        if isinstance(part, SameConv) and isinstance(part[0], nn.ZeroPad2d):
            conv = part[1]
            conv.padding = (conv.kernel_size[0] // 2,) * 2
            del part[0]


def _narrowed(net: EfficientNetLite) -> None:
    """The middle 3x3 of the last kernels of 5x5: their maps are of 2 or 3 cells, so that next to
    nothing is lost, and training is a tenth faster."""
    for block in net.blocks[12:15]:
        conv = block.steps[1][0]
        conv.weight = nn.Parameter(conv.weight.detach()[:, :, 1:4, 1:4].clone())
        conv.kernel_size, conv.padding = (3, 3), (1, 1)


def in_whole(net: nn.Module) -> None:
    """See `Whole`."""
    for part in net.modules():
        if isinstance(part, SameConv) and part[0].groups > 1:
            part[0] = Whole(part[0])


def fold(net: nn.Module) -> None:
    """Convolution and batch norm as one convolution, in place."""
    for part in list(net.modules()):
        if (
            isinstance(part, nn.Sequential)
            and len(part) > 1
            and isinstance(part[1], nn.BatchNorm2d)
        ):
            conv = part[0].conv if isinstance(part[0], Whole) else part[0]
            norm = part[1]
            assert norm.running_mean is not None and norm.running_var is not None
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var,
                norm.eps, norm.weight, norm.bias,
            )  # fmt: skip
            part[1] = nn.Identity()


def enlarged(faces: Tensor, size: int) -> Tensor:
    """`(n, 48, 48)` to `(n, size, size)`, as at use."""
    return F.interpolate(faces[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]


def varied(faces: Tensor, size: int) -> Tensor:
    """Mirrored or not, turned, moved, nearer or farther, brighter or duller, and with a part
    covered; enlarged in the same step. One batch in ten is coarse, as small faces are."""
    n, own = len(faces), faces.shape[1]
    if torch.rand(()) < 0.1:
        few = int(torch.randint(own // 3, own * 3 // 4, ()))
        coarse = F.interpolate(faces[:, None], (few, few), mode="area")
        faces = F.interpolate(coarse, (own, own), mode="bilinear", align_corners=False)[:, 0]
    turn = about(n, math.radians(15))
    scale, stretch = torch.exp(about(n, 0.18)), torch.exp(about(n, 0.06))
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(turn) * scale, torch.sin(turn) * scale
    rows = [
        torch.stack([mirror * cos * stretch, -sin * stretch, about(n, 0.16)], 1),
        torch.stack([mirror * sin / stretch, cos / stretch, about(n, 0.16)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [n, 1, size, size], align_corners=False)
    # Beyond the rim the picture goes on as its mirror image: no black corner tells of a turn.
    x = F.grid_sample(faces[:, None], grid, padding_mode="reflection", align_corners=False)[:, 0]
    contrast, light = torch.exp(about(n, 0.35)), about(n, 30)
    mean = x.mean((1, 2), keepdim=True)
    x = (x - mean) * contrast[:, None, None] + mean + light[:, None, None]
    return _covered(x.clamp(0, 255))


def about(n: int, most: float, *rest: int) -> Tensor:
    """(n, *rest) numbers between -most and most."""
    return (torch.rand(n, *rest) * 2 - 1) * most


def _covered(x: Tensor) -> Tensor:
    """Two in five faces have a rectangle of one grey, up to half as wide and high as they are."""
    n, size = len(x), x.shape[1]
    at = torch.arange(size) / size
    centre, half = torch.rand(n, 2), 0.05 + 0.2 * torch.rand(n, 2)
    inside = (at - centre[:, :, None]).abs() < half[:, :, None]
    cover = inside[:, 0, :, None] & inside[:, 1, None, :] & (torch.rand(n, 1, 1) < 0.4)
    return torch.where(cover, torch.rand(n, 1, 1) * 255, x)


def mixed(x: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """mixup (Zhang et al., ICLR 2018) with the neighbour in the batch; every face keeps the
    greater part of itself."""
    share = torch.distributions.Beta(alpha, alpha).sample((len(x),))
    share = torch.maximum(share, 1 - share)
    x = x * share[:, None, None] + x.roll(1, 0) * (1 - share)[:, None, None]
    return x, targets * share[:, None] + targets.roll(1, 0) * (1 - share)[:, None]

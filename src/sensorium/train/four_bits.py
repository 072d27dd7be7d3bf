"""Weights in 4 bits: blocks of 32 numbers that share a scale, and training that knows of it.

The layout is that of `starts.E5Weights.packed`, so what E5's file holds comes through unchanged.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sensorium.train.starts import BLOCK, unpack_q4

_KEPT = 8  # steps for which a rounding is kept in training; the weights hardly move in so few


def pack(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """`(rows, columns)` as bytes `(rows, columns / 2)` and scales `(rows, columns / 32)`: of each
    block the number furthest from 0 is -8 times its scale, and the others are rounded to -8..7."""
    blocks = values.reshape(len(values), -1, BLOCK)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    scale = (furthest / -8).astype(np.float16)
    step = scale.astype(np.float32)
    step[step == 0] = 1  # a block of zeros
    numbers = (np.rint(blocks / step).clip(-8, 7) + 8).astype(np.uint8)
    packed = numbers[..., : BLOCK // 2] | numbers[..., BLOCK // 2 :] << 4
    return packed.reshape(len(values), -1), scale[..., 0]


def rounded(weight: Tensor) -> Tensor:
    """What `pack` would keep of a matrix."""
    kept = unpack_q4(*pack(weight.detach().float().cpu().numpy()))
    return torch.from_numpy(kept).to(weight.device)


class Rounded(nn.Module):  # type: ignore[misc]
    """A weight as its file will hold it: wherever it is only read, and in training while `on`. The
    gradient passes as if nothing were rounded (Bengio et al. 2013, arXiv 1308.3432)."""

    def __init__(self) -> None:
        super().__init__()
        self.on, self._steps, self._of, self._gap = False, 0, torch.zeros(()), torch.zeros(())

    def forward(self, weight: Tensor) -> Tensor:
        if self.training and not self.on:
            return weight
        if self.training:
            due = self._steps % _KEPT == 0
            self._steps += 1
        else:
            due = not torch.equal(self._of, weight)
            self._steps = 0
        if due:
            self._of = weight.detach().clone()
            self._gap = rounded(weight) - self._of
        return weight + self._gap


def round_layers(layers: nn.Module) -> list[Rounded]:
    """Let every linear weight of `layers` pass through a `Rounded`."""
    of = [one for one in layers.modules() if isinstance(one, nn.Linear)]
    made = [Rounded() for _ in of]
    for layer, one in zip(of, made, strict=True):
        parametrize.register_parametrization(layer, "weight", one)
    return made


def leave_rounded(layers: nn.Module) -> None:
    """Their weights are what was rounded, and ordinary ones again."""
    for one in layers.modules():
        if parametrize.is_parametrized(one, "weight"):
            parametrize.remove_parametrizations(one, "weight")

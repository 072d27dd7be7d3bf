"""Decoded squares as what a network takes, the same as `signal.image.normalise` gives."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MEAN, STD = 0.5, 0.5
"""Of pixels scaled to 0 to 1: networks that are trained from nothing see -1 to 1."""


def normal(squares: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (n, s, s, 3) → float32 (n, 3, s, s).

    Bytes travel to the device and become numbers there: a quarter of the way.
    """
    pixels = torch.from_numpy(squares).to(device).permute(0, 3, 1, 2).float() / 255
    scaled: Tensor = (pixels - MEAN) / STD
    return scaled.contiguous()

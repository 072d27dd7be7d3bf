"""The teacher of `recipes/face_landmarks.py`: 68 points of a face by a small net of dense blocks.

`@vladmandic/face-api`, after Mühler's face-api.js, carries its weights in 8 bits with a manifest
that says how they are scaled. They are read as data; nothing of the package is run.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE, POINTS = 112, 68
_MEANS = (122.782, 117.001, 104.298)  # of red, green and blue in its training
_MIRRORED = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
)  # fmt: skip
MIRRORED = torch.tensor(_MIRRORED)
"""Which point of a face each one is in its mirror image."""


def read_tensors(manifest: Path) -> dict[str, Tensor]:
    """The weights that TensorFlow.js' manifest describes, as float32 by name, in its own layout:
    kernels are (height, width, in, out). Those in 8 bits are `code * scale + min`."""
    found: dict[str, Tensor] = {}
    for group in json.loads(manifest.read_text("utf-8")):
        data, at = b"".join((manifest.parent / one).read_bytes() for one in group["paths"]), 0
        for one in group["weights"]:
            scale = one.get("quantization")
            kind, count = np.dtype(scale["dtype"] if scale else "float32"), np.prod(one["shape"])
            raw = np.frombuffer(data, kind, int(count), at).reshape(one["shape"])
            at += raw.nbytes
            numbers = raw * np.float32(scale["scale"]) + scale["min"] if scale else raw
            found[one["name"]] = torch.from_numpy(numbers.astype(np.float32))
    return found


class Teacher(nn.Module):  # type: ignore[misc]
    """Pictures of one face, (n, 3, 112, 112) from 0 to 255, to points (n, 68, 2) in shares of the
    side. Sums of all layers before, in four blocks that halve the side each."""

    def __init__(self, manifest: Path) -> None:
        super().__init__()
        self.weights = read_tensors(manifest)
        self.register_buffer("means", torch.tensor(_MEANS)[:, None, None])

    def forward(self, faces: Tensor) -> Tensor:
        x = (faces - self.means) / 255
        for block in range(4):
            x = self._block(x, f"dense{block}")
        told = x.mean((2, 3)) @ self.weights["fc/weights"] + self.weights["fc/bias"]
        return told.view(-1, POINTS, 2)

    def _block(self, x: Tensor, name: str) -> Tensor:
        total = F.relu(self._layer(F.pad(x, (0, 1, 0, 1)), f"{name}/conv0", 2))
        last = total
        for number in (1, 2, 3):
            layer = self._layer(F.pad(last, (1, 1, 1, 1)), f"{name}/conv{number}", 1)
            total = total + layer
            last = F.relu(total)
        return last

    def _layer(self, x: Tensor, name: str, stride: int) -> Tensor:
        bias = self.weights[f"{name}/bias"]
        whole = self.weights.get(f"{name}/filters")
        if whole is not None:
            return F.conv2d(x, whole.permute(3, 2, 0, 1), bias, stride)
        depth = self.weights[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)
        point = self.weights[f"{name}/pointwise_filter"].permute(3, 2, 0, 1)
        return F.conv2d(F.conv2d(x, depth, None, stride, groups=len(depth)), point, bias)

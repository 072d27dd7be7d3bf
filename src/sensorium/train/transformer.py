"""Transformer blocks that the project's own towers are made of, small enough to be read.

Pre-norm (Xiong et al., ICML 2020), GELU, no bias in queries, keys and values.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.errors import InputError


class Attention(nn.Module):  # type: ignore[misc]
    """Raises InputError where `heads` do not divide `width`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise InputError(
                f"{heads} heads cannot share {width} numbers",
                why="they divide them",
                hint="--heads, --width",
            )
        self.heads = heads
        self.asked = nn.Linear(width, 3 * width, bias=False)
        self.given = nn.Linear(width, width)

    def forward(self, states: Tensor, seen: Tensor | None) -> Tensor:
        """states: (n, tokens, width). seen: bool (n, tokens), which tokens may be looked at."""
        n, tokens, width = states.shape
        parts = self.asked(states).view(n, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mask = None if seen is None else seen[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        out: Tensor = self.given(mixed.transpose(1, 2).reshape(n, tokens, width))
        return out


class Block(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.before, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.between = nn.LayerNorm(width)
        self.wide = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, states: Tensor, seen: Tensor | None = None) -> Tensor:
        states = states + self.drop(self.attention(self.before(states), seen))
        return states + self.drop(self.wide(self.between(states)))


class Stack(nn.Module):  # type: ignore[misc]
    """Blocks and a last norm. (n, tokens, width) to the same."""

    def __init__(self, layers: int, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, seen: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            states = block(states, seen)
        normed: Tensor = self.norm(states)
        return normed


class Words(nn.Module):  # type: ignore[misc]
    """Numbers of pieces and their places as vectors: (n, tokens) → (n, tokens, width)."""

    def __init__(self, vocabulary: int, length: int, width: int) -> None:
        super().__init__()
        self.pieces = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(length, width) * 0.02)
        nn.init.normal_(self.pieces.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        vectors: Tensor = self.pieces(ids) + self.places[: ids.shape[1]]
        return vectors


def patches_of(pixels: Tensor, side: int) -> Tensor:
    """(n, 3, s, s) → (n, (s / side)², side · side · 3), row by row."""
    n, channels, height, width = pixels.shape
    grid = pixels.view(n, channels, height // side, side, width // side, side)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, side * side * channels)


class Patches(nn.Module):  # type: ignore[misc]
    """Pixels as vectors of patches with their places: (n, 3, s, s) → (n, patches, width).

    Raises InputError where patches of `side` pixels do not divide the square of `size`.
    """

    def __init__(self, size: int, side: int, width: int) -> None:
        super().__init__()
        if size % side:
            raise InputError(
                f"a square of {size} pixels cannot be cut into patches of {side}",
                why="they divide it",
                hint="--patch, --size",
            )
        self.side = side
        self.count = (size // side) ** 2
        self.seen = nn.Linear(side * side * 3, width)
        self.places = nn.Parameter(torch.randn(self.count, width) * 0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        vectors: Tensor = self.seen(patches_of(pixels, self.side)) + self.places
        return vectors

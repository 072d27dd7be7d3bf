"""Networks over what was said, how, and with which face: (n, steps, numbers) each, to one answer.

An item may lack a kind of sign altogether; a learnt vector stands for it then, so that no network
need be made for each set of them.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.train.transformer import Stack

_FARTHEST = 10.0  # deviations from the mean that a number may lie


class Even(nn.Module):  # type: ignore[misc]
    """Numbers of mean 0 and deviation 1, as they are in training; steps of zeros are no steps."""

    def __init__(self, steps: Tensor) -> None:
        """steps: (n, steps, numbers), of training."""
        super().__init__()
        rows = steps[_seen(steps)]
        rows = rows if len(rows) else steps.flatten(0, 1)
        self.register_buffer("mean", rows.mean(0))
        self.register_buffer("deviation", rows.std(0, unbiased=False).clamp_min(1e-6))

    def forward(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers, 0 where there is no step, and bool (n, steps), where there is one."""
        seen = _seen(steps)
        even = ((steps - self.mean) / self.deviation).clamp(-_FARTHEST, _FARTHEST)
        return even * seen[..., None], seen


class Concatenation(nn.Module):  # type: ignore[misc]
    """The mean over time of each kind of sign, side by side."""

    def __init__(
        self, examples: Mapping[str, Tensor], width: int, dropout: float, outputs: int
    ) -> None:
        super().__init__()
        self.even = nn.ModuleList(Even(one) for one in examples.values())
        self.each = nn.ModuleList(
            nn.Sequential(nn.Linear(one.shape[2], width), nn.GELU(), nn.Dropout(dropout))
            for one in examples.values()
        )
        self.absent = nn.Parameter(torch.randn(len(examples), width) * 0.02)
        self.head = _head(len(examples) * width, width, dropout, outputs)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor, present: Tensor) -> Tensor:
        """present: bool (n, 3). → (n, outputs)."""
        means = []
        for kind, steps in enumerate((text, audio, vision)):
            numbers, seen = self.even[kind](steps)
            mean = numbers.sum(1) / seen.sum(1, keepdim=True).clamp_min(1)
            there = (present[:, kind] & seen.any(1))[:, None]
            means.append(torch.where(there, self.each[kind](mean), self.absent[kind]))
        answer: Tensor = self.head(torch.cat(means, 1))
        return answer


class CrossModal(nn.Module):  # type: ignore[misc]
    """MulT (Tsai et al., ACL 2019, https://arxiv.org/abs/1906.00295): each kind of sign looks at
    each other one, step by step and without alignment, then at itself.

    Otherwise than there: the mean over time goes to the head, not the last step, which may be
    padding; and a kind of sign may be missing.
    """

    def __init__(
        self,
        examples: Mapping[str, Tensor],
        width: int,
        heads: int,
        layers: int,
        dropout: float,
        outputs: int,
    ) -> None:
        super().__init__()
        kinds = range(len(examples))
        self.even = nn.ModuleList(Even(one) for one in examples.values())
        self.near = nn.ModuleList(
            nn.Conv1d(one.shape[2], width, 3, padding=1, bias=False) for one in examples.values()
        )
        self.absent = nn.Parameter(torch.randn(len(examples), width) * 0.02)
        self.looks = nn.ModuleDict(
            {
                f"{to}-{at}": _Looks(layers, width, heads, dropout)
                for to in kinds
                for at in kinds
                if to != at
            }
        )
        both = (len(examples) - 1) * width
        self.itself = nn.ModuleList(Stack(layers, both, heads, dropout) for _ in kinds)
        self.head = _head(len(examples) * both, both, dropout, outputs)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor, present: Tensor) -> Tensor:
        """present: bool (n, 3). → (n, outputs)."""
        inputs = enumerate((text, audio, vision))
        states, seen = zip(
            *(self._begin(kind, steps, present[:, kind]) for kind, steps in inputs), strict=True
        )
        means = []
        for to, own in enumerate(states):
            looks = [
                self.looks[f"{to}-{at}"](own, states[at], seen[at])
                for at in range(len(states))
                if at != to
            ]
            mixed = self.itself[to](torch.cat(looks, 2), seen[to]) * seen[to][..., None]
            means.append(mixed.sum(1) / seen[to].sum(1, keepdim=True).clamp_min(1))
        answer: Tensor = self.head(torch.cat(means, 1))
        return answer

    def _begin(self, kind: int, steps: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """(n, steps, width) with places, and where there is a step; where the kind is absent its
        learnt vector is the only one."""
        numbers, seen = self.even[kind](steps)
        states = self.near[kind](numbers.transpose(1, 2)).transpose(1, 2)
        states = states * math.sqrt(states.shape[2]) + _places(states)
        there = (present & seen.any(1))[:, None]
        first = torch.arange(seen.shape[1], device=seen.device)[None] == 0
        states = torch.where(there[..., None], states, self.absent[kind])
        return states, (there & seen) | (~there & first)


class _Looks(nn.Module):  # type: ignore[misc]
    """One kind of sign looks at another, whose first states are given to every layer."""

    def __init__(self, layers: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Look(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, own: Tensor, other: Tensor, seen: Tensor) -> Tensor:
        for layer in self.layers:
            own = layer(own, other, seen)
        normed: Tensor = self.norm(own)
        return normed


class _Look(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.there = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, width, bias=False)
        self.offered = nn.Linear(width, 2 * width, bias=False)
        self.given = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, own: Tensor, other: Tensor, seen: Tensor) -> Tensor:
        """own: (n, steps, width), asks; other: (n, others, width), of which `seen` is looked at."""
        n, width = own.shape[0], own.shape[2]
        query = self.asked(self.before(own)).view(n, -1, self.heads, width // self.heads)
        both = self.offered(self.there(other)).view(n, -1, 2, self.heads, width // self.heads)
        key, value = both.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(
            query.transpose(1, 2), key, value, attn_mask=seen[:, None, None, :]
        )
        own = own + self.drop(self.given(mixed.transpose(1, 2).reshape(n, -1, width)))
        return own + self.drop(self.wide(self.between(own)))


def _seen(steps: Tensor) -> Tensor:
    return (steps != 0).any(-1)


def _places(states: Tensor) -> Tensor:
    """(steps, width): sines and cosines (Vaswani et al., NeurIPS 2017)."""
    place = torch.arange(states.shape[1], device=states.device, dtype=states.dtype)[:, None]
    half = torch.arange(0, states.shape[2], 2, device=states.device, dtype=states.dtype)
    angles = place * torch.exp(half * (-math.log(10_000.0) / states.shape[2]))
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


def _head(inputs: int, width: int, dropout: float, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(inputs),
        nn.Linear(inputs, width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(width, outputs),
    )


def subsets(names: Sequence[str]) -> dict[str, list[bool]]:
    """Every set of kinds of sign but the empty one, by name (`text + audio`): which are present."""
    made = {}
    for bits in range(2 ** len(names) - 1, 0, -1):
        there = [bool(bits >> place & 1) for place in range(len(names))]
        made[" + ".join(name for name, yes in zip(names, there, strict=True) if yes)] = there
    return made

"""Whisper's encoder (Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision,
2022), for sounds shorter than the thirty seconds that it was made for."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

BANDS = 80


class SpeechLayer(nn.Module):  # type: ignore[misc]
    """One pre-norm transformer layer; keys have no bias in Whisper, here it is zero at first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, math.sqrt(width // heads)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.given = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        """states: (n, frames, width). hidden: (n, 1, 1, frames), added to what is looked at: 0, or
        far below where a sound has ended."""
        n, frames, width = states.shape
        asked = self.asked(self.before(states)).view(n, frames, 3, self.heads, -1)
        query, key, value = asked.permute(2, 0, 3, 1, 4).unbind(0)
        weights = query @ key.transpose(-1, -2) / self.scale + hidden
        mixed = (weights.softmax(-1) @ value).transpose(1, 2).reshape(n, frames, width)
        states = states + self.given(mixed)
        changed: Tensor = self.down(functional.gelu(self.up(self.between(states))))
        return states + changed


class SpeechEncoder(nn.Module):  # type: ignore[misc]
    """Log-mel (n, 80, t) and mask (n, t / 2), 1 where there is sound, to states of every depth,
    (n, t / 2, width) each: after the convolutions, and after each layer."""

    def __init__(self, width: int, heads: int, layers: int, longest: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(BANDS, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.position = nn.Parameter(torch.zeros(longest, width))
        self.layers = nn.ModuleList(SpeechLayer(width, heads) for _ in range(layers))

    def embed(self, mel: Tensor, mask: Tensor) -> Tensor:
        seen = functional.gelu(self.first(mel))
        # What lies behind a sound's end is nothing, so that no sound hears which batch it is in.
        seen = seen * mask.to(seen.dtype).repeat_interleave(2, 1)[:, None]
        seen = functional.gelu(self.second(seen)).transpose(1, 2)
        return seen + self.position[: seen.shape[1]]

    def run(self, states: Tensor, mask: Tensor) -> list[Tensor]:
        hidden = (1.0 - mask[:, None, None, :].to(states.dtype)) * -1e4
        depths = [states]
        for layer in self.layers:
            depths.append(layer(depths[-1], hidden))
        return depths

    def forward(self, mel: Tensor, mask: Tensor) -> list[Tensor]:
        return self.run(self.embed(mel, mask), mask)


def speech_encoder(
    weights: dict[str, NDArray[np.float32]], layers: int, longest: int
) -> SpeechEncoder:
    """The first `layers` of a Whisper encoder out of `read_ctranslate`, for at most `longest`
    positions of 20 ms."""
    width = len(weights["encoder/conv1/bias"])
    encoder = SpeechEncoder(width, width // 64, layers, longest)
    state = {"position": weights["encoder/position_encodings/encodings"][:longest]}
    for ours, theirs in (("first", "conv1"), ("second", "conv2")):
        for end in ("weight", "bias"):
            state[f"{ours}.{end}"] = weights[f"encoder/{theirs}/{end}"]
    parts = {
        "asked": "self_attention/linear_0",
        "given": "self_attention/linear_1",
        "up": "ffn/linear_0",
        "down": "ffn/linear_1",
    }
    norms = {"before": "self_attention/layer_norm", "between": "ffn/layer_norm"}
    for number in range(layers):
        for ours, theirs in parts.items():
            for end in ("weight", "bias"):
                name = f"encoder/layer_{number}/{theirs}/{end}"
                state[f"layers.{number}.{ours}.{end}"] = weights[name]
        for ours, theirs in norms.items():
            for end, greek in (("weight", "gamma"), ("bias", "beta")):
                name = f"encoder/layer_{number}/{theirs}/{greek}"
                state[f"layers.{number}.{ours}.{end}"] = weights[name]
    encoder.load_state_dict({name: torch.from_numpy(one) for name, one in state.items()})
    return encoder

"""The two networks that recipes build on: EfficientNet-Lite for pictures, E5 for text."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.train.starts import BLOCK, E5Weights

# (kernel, stride, expansion, channels, repeats) of EfficientNet-B0's stages (Tan and Le 2019).
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


MIDDLE, SPREAD = 127, 128
"""Of the pixels that EfficientNet-Lite was trained on, 0 to 255."""


class SameConv(nn.Sequential):  # type: ignore[misc]
    """Convolution, batch norm and (by default) ReLU6, padded as TensorFlow's SAME pads.

    With a stride of 2 and an even side, SAME puts the odd row of zeros below and to the right; the
    weights were trained so, and symmetric padding would shift every map by half a cell.
    """

    def __init__(
        self, inp: int, out: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
    ) -> None:
        total = kernel - stride
        before, after = total // 2, total - total // 2
        pad: list[nn.Module] = (
            [] if before == after else [nn.ZeroPad2d((before, after, before, after))]
        )
        conv = nn.Conv2d(inp, out, kernel, stride, 0 if pad else before, groups=groups, bias=False)
        norm = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)
        super().__init__(*pad, conv, norm, *([nn.ReLU6()] if act else []))


class Block(nn.Module):  # type: ignore[misc]
    """Inverted residual without squeeze-and-excitation: expand, depthwise, project."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inp * expansion
        steps = [SameConv(inp, wide, 1)] if expansion != 1 else []
        steps += [
            SameConv(wide, wide, kernel, stride, groups=wide),
            SameConv(wide, out, 1, act=False),
        ]
        self.steps = nn.Sequential(*steps)
        self.skip = stride == 1 and inp == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.steps(x) if self.skip else self.steps(x)


class EfficientNetLite(nn.Module):  # type: ignore[misc]
    """EfficientNet-Lite (Liu 2020): no squeeze-and-excitation, ReLU6, stem and head unscaled.

    Input `(n, 3, S, S)` RGB as `(x - 127) / 128`; output `(n, 1280, S/32, S/32)`.
    """

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            near = max(8, int(channels * width + 4) // 8 * 8)
            return near + 8 if near < 0.9 * channels * width else near

        blocks, inp = [], 32
        for index, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
            ends = index in (0, len(STAGES) - 1)
            out = scaled(channels)
            for repeat in range(repeats if ends else math.ceil(repeats * depth)):
                blocks.append(Block(inp, out, kernel, stride if repeat == 0 else 1, expansion))
                inp = out
        self.stem = SameConv(3, 32, 3, 2)
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv(inp, 1280, 1)

    def lower(self, x: Tensor, stop: int) -> Tensor:
        """The stem and the first `stop` blocks."""
        x = self.stem(x)
        for block in self.blocks[:stop]:
            x = block(x)
        return x

    def upper(self, x: Tensor, start: int) -> Tensor:
        """The blocks from `start` on, and the head."""
        for block in self.blocks[start:]:
            x = block(x)
        return self.head(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.upper(self.lower(x, 0), 0)


def load_efficientnet_lite(
    path: Path, width: float, depth: float
) -> tuple[EfficientNetLite, nn.Linear]:
    """The network and its ImageNet classifier `(1000, 1280)`, from the start's `.pth`."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    net, classifier = EfficientNetLite(width, depth), nn.Linear(1280, 1000)
    # Both list their layers in the order of computation, so names need no table.
    tail = {k: v for k, v in state.items() if k.startswith(("_conv_head", "_bn1"))}
    body = {k: v for k, v in state.items() if k not in tail and not k.startswith("_fc")}
    values = [*body.values(), *tail.values()]
    own = net.state_dict()
    for (name, value), new in zip(own.items(), values, strict=True):
        if value.shape != new.shape:
            raise ValueError(f"{name} is {tuple(value.shape)}, the file has {tuple(new.shape)}")
    net.load_state_dict(dict(zip(own, values, strict=True)))
    classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    return net, classifier


class WordTable(nn.Module):  # type: ignore[misc]
    """Word embeddings kept in 4 bits, as `E5Weights` describes them; never trained.

    Frozen rows keep words that no training text has in their place among those it has.
    """

    def __init__(self, packed: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """`(n, t)` ids to `(n, t, h)` float32."""
        n, t = ids.shape
        halves = self.packed[ids].float().reshape(n, t, -1, BLOCK // 2)
        high = torch.floor(halves / 16)  # arithmetic, not bits: every runtime has it
        numbers = torch.cat([halves - 16 * high, high], dim=-1) - 8
        return (numbers * self.scale[ids].float().unsqueeze(-1)).reshape(n, t, -1)


class Layer(nn.Module):  # type: ignore[misc]
    """One post-norm transformer layer of BERT (Devlin et al. 2019)."""

    def __init__(self, hidden: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads, self.width = heads, hidden // heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm1 = nn.LayerNorm(hidden, eps=eps)
        self.up = nn.Linear(hidden, 4 * hidden)
        self.down = nn.Linear(4 * hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden, eps=eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, t, h = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
        weights = qkv[0] @ qkv[1].transpose(-1, -2) / math.sqrt(self.width) + bias
        mixed = (weights.softmax(-1) @ qkv[2]).transpose(1, 2).reshape(n, t, h)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class TextEncoder(nn.Module):  # type: ignore[misc]
    """An E5 encoder: words, positions, some of its layers, mean over the words of `mask`."""

    def __init__(
        self, weights: E5Weights, rows: list[int], layers: list[int], longest: int
    ) -> None:
        super().__init__()
        hidden = weights.packed.shape[1] * 2
        self.words = WordTable(
            torch.from_numpy(weights.packed[rows]), torch.from_numpy(weights.scale[rows])
        )
        kept = weights.tensors
        position = kept["emb.pos"].reshape(-1, hidden)[:longest] + kept["emb.type"][:hidden]
        self.position = nn.Parameter(position.clone())
        self.norm = nn.LayerNorm(hidden, eps=weights.eps)
        self.norm.load_state_dict({"weight": kept["emb.ln.w"], "bias": kept["emb.ln.b"]})
        self.layers = nn.ModuleList()
        for number in layers:
            layer = Layer(hidden, weights.heads, weights.eps)
            name = f"l{number}."
            state = {
                f"qkv.{end}": torch.cat([kept[f"{name}{part}.{end[0]}"] for part in "qkv"])
                for end in ("weight", "bias")
            }
            pairs = {"out": "ao", "norm1": "aln", "up": "fi", "down": "fo", "norm2": "oln"}
            for ours, theirs in pairs.items():
                state |= {
                    f"{ours}.{end}": kept[f"{name}{theirs}.{end[0]}"] for end in ("weight", "bias")
                }
            layer.load_state_dict(state)
            self.layers.append(layer)

    def embed(self, ids: Tensor) -> Tensor:
        return self.norm(self.words(ids) + self.position[: ids.shape[1]])

    def run(self, x: Tensor, mask: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Layers `start` to `stop` on `(n, t, h)`."""
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers[start:stop]:
            x = layer(x, bias)
        return x

    def pool(self, x: Tensor, mask: Tensor) -> Tensor:
        weight = mask.to(x.dtype).unsqueeze(-1)
        return (x * weight).sum(1) / weight.sum(1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`(n, t)` ids and 0/1 mask to the mean of the last layer, `(n, h)`."""
        return self.pool(self.run(self.embed(ids), mask), mask)

"""To begin with an image backbone, a text encoder, either or neither: a projection over each.

A backbone is a folder of timm's kind (`architecture` in its config), of transformers' (ViT, DINOv2,
ConvNeXt, Swin …), or a run of `masked-image`; an encoder is a folder of transformers' (BERT, E5,
XLM-RoBERTa …) or a run of `masked-text`. What is not named is made small, and learns from nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from sensorium.errors import InputError, SensoriumError
from sensorium.models._pictures import CLIP_UNSAID, transformers_steps
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.hub import resolve
from sensorium.signal.image import Resample
from sensorium.spec import parse_spec
from sensorium.train.begin.encoder import Begun, DualEncoder, Side, groups_at, named
from sensorium.train.checkpoint import read_weights
from sensorium.train.export import export_graph, picture_config, write_config
from sensorium.train.loop import BEST, Group
from sensorium.train.pair import Pair
from sensorium.train.pixels import MEAN, STD
from sensorium.train.processes import Processes
from sensorium.train.transformer import Patches, Stack, Words
from sensorium.train.view import View
from sensorium.train.words import PAD, TOKENIZER, run_tokenizer

_SCALE = math.log(1 / 0.07)  # where CLIP begins
_GIVEN = 0.1  # of the run's rate, for what has learnt before


class Shape(Protocol):
    """The recipe's fields that say what is made, and of what."""

    out: Path
    image: str
    text: str
    dim: int
    size: int
    patch: int
    width: int
    layers: int
    heads: int
    length: int
    vocabulary: int


class Vision(nn.Module):  # type: ignore[misc]
    """A small ViT (Dosovitskiy et al., ICLR 2021); the mean over its patches, no class token."""

    def __init__(self, size: int, patch: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.patches = Patches(size, patch, width)
        self.stack = Stack(layers, width, heads)

    def forward(self, pixels: Tensor) -> Tensor:
        vectors: Tensor = self.stack(self.patches(pixels)).mean(1)
        return vectors


class Reader(nn.Module):  # type: ignore[misc]
    """A small transformer over pieces; the mean over those that are no padding."""

    def __init__(self, vocabulary: int, length: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.words = Words(vocabulary, length, width)
        self.stack = Stack(layers, width, heads)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return _mean(self.stack(self.words(ids), mask.bool()), mask)


class Backbone(nn.Module):  # type: ignore[misc]
    """timm's or transformers' network: the mean over places, of maps or of tokens."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        states = self.net(pixels)
        states = getattr(states, "last_hidden_state", states)
        match states.ndim:
            case 4:
                return states.flatten(2).mean(-1)
            case 3:
                return states.mean(1)
            case _:
                return states


class Encoder(nn.Module):  # type: ignore[misc]
    """transformers' encoder: the mean over pieces, as E5 and most sentence encoders are read."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        states = self.net(input_ids=ids, attention_mask=mask).last_hidden_state
        return _mean(states, mask)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weight = mask.to(states.dtype).unsqueeze(-1)
    return (states * weight).sum(1) / weight.sum(1)


@dataclass(frozen=True)
class Looking:
    """An image side. mean, std: of pixels scaled to 0 to 1. rate: of the run's."""

    net: nn.Module
    size: int
    resample: Resample
    mean: Any
    std: Any
    rate: float
    told: str


@dataclass(frozen=True)
class Reading:
    """A text side. tokenizer: cuts and pads, as the folder at the end will."""

    net: nn.Module
    tokenizer: Tokenizer
    length: int
    rate: float
    told: str


class Encoders(DualEncoder):
    """Two networks and a projection of each to the space."""

    def __init__(self, looking: Looking, reading: Reading, dim: int) -> None:
        super().__init__(looking.mean, looking.std)
        self.image, self.text = looking.net.eval(), reading.net.eval()
        self.rates = looking.rate, reading.rate
        with torch.no_grad():
            seen = self.image(torch.zeros(1, 3, looking.size, looking.size)).shape[1]
            ones = torch.ones(1, 2, dtype=torch.long)
            read = self.text(ones, ones).shape[1]
        self.from_image = nn.Linear(seen, dim, bias=False)
        self.from_text = nn.Linear(read, dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(_SCALE))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def pixels_to(self, pixels: Tensor) -> Tensor:
        vectors: Tensor = self.from_image(self.image(pixels))
        return vectors

    def words_to(self, *words: Tensor) -> Tensor:
        vectors: Tensor = self.from_text(self.text(*words))
        return vectors

    def parts(self, side: Side) -> Sequence[nn.Module]:
        """Without the image's projection: a locked image tower (LiT) has to reach the space."""
        return [self.image] if side == "image" else [self.text]

    def groups(self) -> list[Group]:
        heads = groups_at([self.from_image, self.from_text], 1.0)
        bodies = zip((self.image, self.text), self.rates, strict=True)
        return [
            *heads,
            *(g for net, rate in bodies for g in groups_at([net], rate)),
            self.scalars(),
        ]


def begin_encoders(shape: Shape, pairs: Iterable[Pair], processes: Processes) -> Begun:
    """pairs: whose captions a tokenizer is learnt from, where no encoder brings one."""
    looking, reading = _looking(shape), _reading(shape, pairs, processes)
    model = Encoders(looking, reading, shape.dim)
    view = View(looking.size, resample=looking.resample)
    words = partial(_words, reading.tokenizer)
    told = {"image tower": looking.told, "text tower": reading.told}
    return Begun(model, view, words, partial(_write, model, looking, reading), told)


def _words(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tensor, ...]:
    encoded = tokenizer.encode_batch(list(texts))
    ids = torch.tensor([one.ids for one in encoded])
    return ids, torch.tensor([one.attention_mask for one in encoded])


def _looking(shape: Shape) -> Looking:
    if not shape.image:
        net = Vision(shape.size, shape.patch, shape.width, shape.layers, shape.heads)
        return Looking(net, shape.size, Resample.BICUBIC, MEAN, STD, 1.0, "a small ViT, new")
    checkpoint = resolve(parse_spec(shape.image))
    told = named(checkpoint)
    config = checkpoint.config
    if config.get("model_type") == "masked-image":
        says = config["image"]
        net = Vision(*(says["size"], config["patch"]), *_sizes(config))
        _fill(net, checkpoint)
        return Looking(net, says["size"], Resample(says["resample"]), MEAN, STD, _GIVEN, told)
    if "architecture" in config:
        return _timm(checkpoint, told)
    steps = transformers_steps(checkpoint, CLIP_UNSAID)
    side = (steps.crop or (steps.width, steps.height))[0]
    net = Backbone(_transformer(checkpoint))
    return Looking(net, side, steps.resample, steps.mean, steps.std, _GIVEN, told)


def _timm(checkpoint: Checkpoint, told: str) -> Looking:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another torch
        raise SensoriumError(
            f"{checkpoint.spec} needs timm", f"it cannot be imported: {error}", "pip install timm"
        ) from error
    net = timm.create_model(f"local-dir:{checkpoint.folder}", pretrained=True)
    net.reset_classifier(0)
    says = net.pretrained_cfg
    return Looking(
        Backbone(net),
        says["input_size"][-1],
        Resample.BICUBIC,
        list(says["mean"]),
        list(says["std"]),
        _GIVEN,
        told,
    )


def _reading(shape: Shape, pairs: Iterable[Pair], processes: Processes) -> Reading:
    if not shape.text:
        tokenizer = run_tokenizer(shape.out, "", pairs, shape.vocabulary, processes)
        size = tokenizer.get_vocab_size()
        net = Reader(size, shape.length, shape.width, shape.layers, shape.heads)
        return _read(net, tokenizer, (shape.length, 0, PAD), 1.0, "a small transformer, new")
    checkpoint = resolve(parse_spec(shape.text))
    told = named(checkpoint)
    config = checkpoint.config
    if not checkpoint.has(TOKENIZER):
        raise InputError(f"{checkpoint.spec} has no {TOKENIZER}", "its words cannot be numbered")
    tokenizer = Tokenizer.from_file(str(checkpoint.folder / TOKENIZER))
    if config.get("model_type") == "masked-text":
        length = config["text"]["max_length"]
        net = Reader(tokenizer.get_vocab_size(), length, *_sizes(config))
        _fill(net, checkpoint)
        return _read(net, tokenizer, (length, 0, PAD), _GIVEN, told)
    pad = int(config.get("pad_token_id") or 0)
    length = min(shape.length, int(config.get("max_position_embeddings", 512)) - 2)
    padding = length, pad, tokenizer.id_to_token(pad) or PAD
    return _read(Encoder(_transformer(checkpoint)), tokenizer, padding, _GIVEN, told)


def _read(
    net: nn.Module, tokenizer: Tokenizer, padding: tuple[int, int, str], rate: float, told: str
) -> Reading:
    """padding: longest text in pieces, number and name of what pads."""
    length, number, name = padding
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=number, pad_token=name)
    return Reading(net, tokenizer, length, rate, told)


def _sizes(config: dict[str, Any]) -> tuple[int, int, int]:
    return config["width"], config["layers"], config["heads"]


def _fill(net: nn.Module, checkpoint: Checkpoint) -> None:
    """Out of a masked run's weights those that are this network's."""
    weights = read_weights(checkpoint.folder / BEST)
    net.load_state_dict({name: weights[name] for name in net.state_dict()})


def _transformer(checkpoint: Checkpoint) -> nn.Module:
    from sensorium.runtime.torch import load_transformers

    net: nn.Module = load_transformers(checkpoint.folder, "AutoModel", Device.CPU)
    if getattr(net, "pooler", None) is not None:  # its output is not read, so it would not learn
        net.pooler = None if "pooler" in net._modules else net.pooler
    return net


class _Unit(nn.Module):  # type: ignore[misc]
    """One side to the end, for the export."""

    def __init__(self, side: Any) -> None:
        super().__init__()
        self.side = side

    def forward(self, *given: Tensor) -> Tensor:
        return nn.functional.normalize(self.side(*given), dim=-1)


def _write(model: Encoders, looking: Looking, reading: Reading, out: Path) -> None:
    """A folder of the family `dual-tower`."""
    pixels = torch.randn(2, 3, looking.size, looking.size)
    axes = {"pixels": {0: "n"}, "embedding": {0: "n"}}
    image = _Unit(nn.Sequential(model.image, model.from_image))
    export_graph(image, {"pixels": pixels}, "embedding", axes, out / "image.onnx")
    ids, mask = _words(reading.tokenizer, ["a dog", "two small dogs run"])
    free = {0: "n", 1: "t"}
    axes = {"ids": free, "mask": free, "embedding": {0: "n"}}
    text = _Unit(_Text(model))
    export_graph(text, {"ids": ids, "mask": mask}, "embedding", axes, out / "text.onnx")
    reading.tokenizer.save(str(out / TOKENIZER))
    picture = picture_config(looking.size, looking.resample)
    picture |= {"mean": model.mean.flatten().tolist(), "std": model.std.flatten().tolist()}
    logits = {"logit_scale": math.exp(model.log_scale.item()), "logit_bias": model.bias.item()}
    settings = {"model_type": "dual_tower", "dim": model.from_image.out_features} | logits
    write_config(
        out,
        settings | {"image": picture, "text": {"max_length": reading.length, "pooling": "mean"}},
    )


class _Text(nn.Module):  # type: ignore[misc]
    def __init__(self, model: Encoders) -> None:
        super().__init__()
        self.text, self.project = model.text, model.from_text

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        vectors: Tensor = self.project(self.text(ids, mask))
        return vectors

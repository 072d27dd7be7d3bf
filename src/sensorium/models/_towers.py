"""What families of two towers share: opening their networks, and the model over them.

Networks come from ONNX files where the checkpoint has them, in a layout that is common on the Hub
(`onnx/vision_model.onnx` with `onnx/text_model.onnx`; `visual/model.onnx` with
`textual/model.onnx`; `onnx/model.onnx` or `model.onnx` with both), else from its weights through
torch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.models._pictures import PictureSteps
from sensorium.models._words import Words
from sensorium.roles import Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.catalogue import row_of
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.layouts import graphs
from sensorium.runtime.onnx import OnnxSession
from sensorium.runtime.session import Arrays, Session
from sensorium.runtime.weights import stated_scalar

_AT_ONCE = 32


class Tower:
    """A network that gives one vector a row. Calls that run at the same time leave as one batch."""

    def __init__(self, session: Session, outputs: tuple[str, ...]) -> None:
        """outputs: names under which a graph gives the embedding, the best first; a graph of a
        single output may call it anything."""
        self.session = session
        self._batcher = Batcher(session)
        self._names = outputs

    @cached_property
    def _output(self) -> str:
        return _embedding(self.session, self._names)

    def __call__(self, feeds: Arrays) -> Floats:
        """Arrays by name, of which the network takes those it knows (a network of one input takes
        the first, whatever its name) → float32 (n, d), rows of unit length."""
        names = self.session.inputs
        if len(names) == 1:
            taken = {names[0]: next(iter(feeds.values()))}
        else:
            taken = {name: feeds[name] for name in names}
        vectors = self._batcher.run(taken)[self._output].astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Floats = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return unit


@dataclass(frozen=True)
class Networks:
    """logit_scale, logit_bias: as `roles.DualTower` has them."""

    image: Tower
    text: Tower
    logit_scale: float
    logit_bias: float


@dataclass(frozen=True)
class Steps:
    """How a checkpoint takes its items."""

    pictures: PictureSteps
    words: Words


class TwoTowers:
    """See `roles.DualTower`."""

    def __init__(self, checkpoint: Checkpoint, networks: Networks, steps: Steps) -> None:
        self.provenance = checkpoint.provenance
        self.networks = networks
        self.image_size = steps.pictures.shorter
        self.logit_scale = networks.logit_scale
        self.logit_bias = networks.logit_bias
        self.pictures = steps.pictures
        self.words = steps.words
        self._stated: int | None = checkpoint.config.get("projection_dim")

    @cached_property
    def dimensions(self) -> int:
        """As the config states it; else one text tells. Neither tower is loaded for nothing."""
        return self._stated or self.networks.text(self.words([""])).shape[1]

    def prepare_image(self, picture: Pixels) -> Floats:
        return self.pictures(picture)

    def encode_images(self, tensors: Floats) -> Floats:
        return self._stack(self.networks.image({"pixel_values": part}) for part in _parts(tensors))

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        return self._stack(
            self.encode_images(np.stack([self.pictures(one) for one in part]))
            for part in _parts(pictures)
        )

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        # Texts of like length go together: a batch is as slow as its longest text.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        made = self._stack(
            self.networks.text(self.words([texts[number] for number in part]))
            for part in _parts(order)
        )
        vectors = np.empty_like(made)
        vectors[order] = made
        return vectors

    def _stack(self, parts: Iterator[Floats]) -> Floats:
        made = list(parts)
        return np.concatenate(made) if made else np.empty((0, self.dimensions), np.float32)


@dataclass(frozen=True)
class Outputs:
    """Names under which exported graphs of a family give their embeddings, the best first."""

    image: tuple[str, ...] = ("image_embeds",)
    text: tuple[str, ...] = ("text_embeds",)


def open_towers(
    checkpoint: Checkpoint,
    device: Device,
    steps: Steps,
    outputs: Outputs,
    weights: Callable[[], Networks],
) -> TwoTowers:
    """Over ONNX files where there are any, else over what `weights` opens through torch."""
    found = find_graphs(checkpoint)
    if len(found) == 2:
        networks = _pair(checkpoint, device, outputs, found)
    elif found:
        networks = _joint(OnnxSession(found[0], device), steps, outputs)
    else:
        networks = weights()
    return TwoTowers(checkpoint, networks, steps)


def _pair(
    checkpoint: Checkpoint, device: Device, outputs: Outputs, paths: Sequence[Path]
) -> Networks:
    image, text = (OnnxSession(path, device) for path in paths)
    return Networks(
        Tower(image, outputs.image), Tower(text, outputs.text), *stated_logits(checkpoint)
    )


def _joint(session: OnnxSession, steps: Steps, outputs: Outputs) -> Networks:
    """Both towers out of one graph; its logits tell their scale and bias."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    pixels = np.stack([steps.pictures(one) for one in noise])
    feeds: dict[str, Any] = {"pixel_values": pixels, **steps.words(["", "a photo of two dogs"])}
    half = {name: feeds[name][:1] for name in session.inputs}
    image = Tower(Half(session, ("pixel_values",), half), outputs.image)
    text = Tower(Half(session, tuple(half.keys() - {"pixel_values"}), half), outputs.text)
    cosines = image(feeds) @ text(feeds).T
    logits = session.run({name: feeds[name] for name in session.inputs})["logits_per_image"]
    scale, bias = np.polyfit(cosines.ravel(), logits.ravel(), 1)
    return Networks(image, text, float(scale), float(bias))


class Half:
    """One tower of a graph that has two: the other is given one blank item."""

    def __init__(self, session: Session, inputs: tuple[str, ...], blank: Arrays) -> None:
        """blank: one row for every input of the graph."""
        self.inputs = inputs
        self.outputs = session.outputs
        self._session = session
        self._blank = blank

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        rows = len(next(iter(feeds.values())))
        made = self._session.run({**self._blank, **feeds})
        # What belongs to the blank item has a row of its own, and no use.
        return {name: value for name, value in made.items() if len(value) == rows}


def transformers_networks(
    checkpoint: Checkpoint, device: Device, name: str, text_inputs: tuple[str, ...]
) -> Networks:
    """The two towers of transformers' class `name`, through torch."""
    from sensorium.runtime.torch import TorchSession, load_transformers, scalar

    module = load_transformers(checkpoint.folder, name, device)
    image = TorchSession(module, "get_image_features", ("pixel_values",), "image_embeds", device)
    text = TorchSession(module, "get_text_features", text_inputs, "text_embeds", device)
    return Networks(
        Tower(image, image.outputs),
        Tower(text, text.outputs),
        exponent(scalar(module, "logit_scale")),
        scalar(module, "logit_bias") or 0.0,
    )


def find_graphs(checkpoint: Checkpoint) -> list[Path]:
    """The image and the text graph of a checkpoint, or the one that has all; else none."""
    folder = checkpoint.folder
    paths = (path for place in ("*.onnx", "*/*.onnx") for path in folder.glob(place))
    found = {path.relative_to(folder).as_posix() for path in paths}
    return [folder / name for name in graphs(found)]


def stated_logits(checkpoint: Checkpoint) -> tuple[float, float]:
    """(scale, bias) of a checkpoint whose graphs leave them out.

    Looked for, in this order: `logit_scale` and `logit_bias` of its config (our exports write
    them there), the tensors of its safetensors (their scale is a logarithm), its row of the
    catalogue, the value its config says training began with. Where none is stated the scale is
    1: the order of what is found does not depend on it, a probability does.
    """
    config = checkpoint.config
    if "logit_scale" in config:
        return float(config["logit_scale"]), float(config.get("logit_bias") or 0.0)
    log = stated_scalar(checkpoint, "logit_scale")
    if log is not None:
        return math.exp(log), stated_scalar(checkpoint, "logit_bias") or 0.0
    row = row_of(checkpoint.spec)
    if row is not None and row.logit_scale:
        return row.logit_scale, row.logit_bias
    return math.exp(float(config.get("logit_scale_init_value", 0.0))), 0.0


def exponent(log_scale: float | None) -> float:
    """The scale of which networks learn the logarithm; 1 where there is none."""
    return math.exp(log_scale or 0.0)


def _embedding(session: Session, names: tuple[str, ...]) -> str:
    found = [name for name in names if name in session.outputs]
    if found or len(session.outputs) == 1:
        return [*found, *session.outputs][0]
    raise InputError(
        "this graph gives no embedding",
        why=f"its outputs are {', '.join(session.outputs)}",
        hint=f"export it with {' or '.join(names)}",
    )


def _parts(items: Any) -> Iterator[Any]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))

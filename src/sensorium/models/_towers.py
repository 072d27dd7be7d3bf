"""What families of two towers share: opening their networks, and the model over them.

Networks come from ONNX files where the checkpoint has them, in either of the layouts that are
common on the Hub (`onnx/vision_model.onnx` with `onnx/text_model.onnx`; `visual/model.onnx` with
`textual/model.onnx`), else from its weights through torch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sensorium.errors import InputError
from sensorium.models._pictures import PictureSteps
from sensorium.models._words import Words
from sensorium.roles import Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.catalogue import row_of
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.layouts import graphs
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


class TwoTowers:
    """See `roles.DualTower`."""

    def __init__(
        self, checkpoint: Checkpoint, networks: Networks, pictures: PictureSteps, words: Words
    ) -> None:
        self.provenance = checkpoint.provenance
        self.networks = networks
        self.image_size = pictures.shorter
        self.logit_scale = networks.logit_scale
        self.logit_bias = networks.logit_bias
        self.pictures = pictures
        self.words = words
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
        return self._stack(self.networks.text(self.words(part)) for part in _parts(texts))

    def _stack(self, parts: Iterator[Floats]) -> Floats:
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *parts])


@dataclass(frozen=True)
class Outputs:
    """Names under which exported graphs of a family give their embeddings, the best first."""

    image: tuple[str, ...] = ("image_embeds",)
    text: tuple[str, ...] = ("text_embeds",)


def open_networks(
    checkpoint: Checkpoint, device: Device, outputs: Outputs, weights: Callable[[], Networks]
) -> Networks:
    """From ONNX files where there are any, else what `weights` opens through torch."""
    pair = find_graphs(checkpoint)
    if pair is None:
        return weights()
    from sensorium.runtime.onnx import OnnxSession

    image, text = pair
    return Networks(
        Tower(OnnxSession(image, device), outputs.image),
        Tower(OnnxSession(text, device), outputs.text),
        *stated_logits(checkpoint),
    )


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


def find_graphs(checkpoint: Checkpoint) -> tuple[Path, Path] | None:
    """The image and the text graph of a checkpoint, None where it has no pair of them."""
    folder = checkpoint.folder
    found = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.onnx")}
    pair = graphs(found)
    return (folder / pair[0], folder / pair[1]) if pair else None


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

"""To begin with a CLIP, SigLIP or Chinese-CLIP checkpoint: transformers' own classes."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from sensorium.errors import InputError
from sensorium.models import chinese_clip, clip, siglip
from sensorium.models._pictures import PictureSteps
from sensorium.models._towers import Steps
from sensorium.models._words import Words
from sensorium.roles import Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.spec import Folder
from sensorium.train.begin.encoder import SIDES, Begun, DualEncoder, Side, groups_at, named
from sensorium.train.export import write_config
from sensorium.train.export_towers import export, own_files
from sensorium.train.loop import Group
from sensorium.train.pair import Pair
from sensorium.train.view import View

_RATE = 0.02  # of the run's rate: 1e-5 where that is 5e-4, as CLIP is usually fine-tuned
_GRAPHS = "onnx"
_PARTS = {
    "image": ("vision_model", "visual_projection"),
    "text": ("text_model", "text_projection"),
}


@dataclass(frozen=True)
class Kind:
    """name: of transformers' class. inputs: what its text tower takes. steps: the family's."""

    name: str
    inputs: tuple[str, ...]
    steps: Callable[[Checkpoint], Steps]


KINDS = {
    "clip": Kind("CLIPModel", ("input_ids", "attention_mask"), clip.steps),
    "siglip": Kind("SiglipModel", ("input_ids",), siglip.steps),
    "chinese_clip": Kind(
        "ChineseCLIPModel", ("input_ids", "attention_mask", "token_type_ids"), chinese_clip.steps
    ),
}
"""By `model_type`."""


class Pretrained(DualEncoder):
    """One of transformers' models of two towers; all of it learns."""

    def __init__(self, net: nn.Module, kind: Kind, pictures: PictureSteps) -> None:
        whole = pictures.scale * 255  # its mean and std are of pixels times `scale`
        mean, std = torch.from_numpy(pictures.mean), torch.from_numpy(pictures.std)
        super().__init__(mean / whole, std / whole)
        self.net, self.inputs = net, kind.inputs
        if not hasattr(net, "logit_bias"):
            self.own_bias = nn.Parameter(torch.tensor(-10.0))

    @property
    def log_scale(self) -> nn.Parameter:
        return self.net.logit_scale

    @property
    def bias(self) -> nn.Parameter:
        return self.net.logit_bias if hasattr(self.net, "logit_bias") else self.own_bias

    def pixels_to(self, pixels: Tensor) -> Tensor:
        return _vectors(self.net.get_image_features(pixel_values=pixels))

    def words_to(self, *words: Tensor) -> Tensor:
        return _vectors(self.net.get_text_features(**dict(zip(self.inputs, words, strict=True))))

    def parts(self, side: Side) -> Sequence[nn.Module]:
        return [getattr(self.net, name) for name in _PARTS[side] if hasattr(self.net, name)]

    def groups(self) -> list[Group]:
        bodies = [part for side in SIDES for part in self.parts(side)]
        return [*groups_at(bodies, _RATE), self.scalars()]


def _vectors(given: object) -> Tensor:
    """transformers 5 gives an output whose pooler_output it is."""
    vectors: Tensor = getattr(given, "pooler_output", given)
    return vectors


@dataclass(frozen=True)
class Shown(View):
    """Validated on as the checkpoint itself will be shown pictures."""

    steps: PictureSteps | None = None

    def plain(self, pair: Pair) -> Pixels:
        assert self.steps is not None
        return self.steps.shown(pair.picture(self.steps.shorter).pixels)


def begin_checkpoint(checkpoint: Checkpoint) -> Begun:
    """Raises InputError where its weights cannot be read by torch."""
    from sensorium.runtime.torch import load_transformers

    kind = KINDS[checkpoint.config["model_type"]]
    steps = kind.steps(checkpoint)
    pictures = steps.pictures
    width, height = pictures.crop or (pictures.width, pictures.height)
    if width != height:
        raise InputError(f"{checkpoint.spec} takes pictures that are not square", "we crop squares")
    net = load_transformers(checkpoint.folder, kind.name, Device.CPU)
    model = Pretrained(net, kind, pictures)
    view = Shown(width, resample=pictures.resample, steps=pictures)
    words = partial(_words, steps.words, kind.inputs)
    told = {"start": named(checkpoint)}
    told["terms of the start"] = checkpoint.licence or "not stated here: see the original"
    loss = "sigmoid" if kind.name == "SiglipModel" else "info-nce"
    return Begun(model, view, words, partial(_write, model, checkpoint.folder), told, loss)


def _words(words: Words, inputs: Sequence[str], texts: Sequence[str]) -> tuple[Tensor, ...]:
    arrays = words(texts)
    return tuple(torch.from_numpy(arrays[name]) for name in inputs)


def _write(model: Pretrained, source: Path, out: Path) -> None:
    """transformers' folder, which others open too, and its towers as ONNX, which need no torch."""
    shutil.rmtree(out / _GRAPHS, ignore_errors=True)
    for path in own_files(source):
        if path.name != "config.json" and _GRAPHS not in path.relative_to(source).parts:
            target = out / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    model.net.save_pretrained(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export.") as scratch:
        made = export(Folder(out), Path(scratch) / "made").folder
        (made / _GRAPHS).replace(out / _GRAPHS)
        config = json.loads((made / "config.json").read_text("utf-8"))
    write_config(out, config | {"logit_bias": model.bias.item()})

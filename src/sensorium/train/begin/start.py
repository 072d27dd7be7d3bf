"""Which start a run names, and loading it."""

from dataclasses import replace
from typing import Any, Protocol, TypeVar

import torch

from sensorium.errors import InputError
from sensorium.models import family_of
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.hub import resolve
from sensorium.spec import parse_spec
from sensorium.train.begin.builtin import begin_builtin
from sensorium.train.begin.checkpoint import KINDS, begin_checkpoint
from sensorium.train.begin.encoder import Begun, named
from sensorium.train.begin.encoders import Shape, begin_encoders
from sensorium.train.begin.lora import add_lora, merge_lora
from sensorium.train.begin.run import is_run
from sensorium.train.checkpoint import load_weights
from sensorium.train.config import RUN, read_config
from sensorium.train.data import Pairs
from sensorium.train.loop import BEST
from sensorium.train.options import Options
from sensorium.train.processes import Processes

NOTHING = "nothing"
MASKED = {"masked_image": "image", "masked_text": "text"}
"""Runs that are one side of a dual tower, by `model_type`; the other side is made small."""


class Beginning(Shape, Protocol):
    """The recipe's fields that say what a run begins with."""

    begin: str
    freeze: str
    lora: int


Plan = TypeVar("Plan", bound=Options)


def begin(config: Plan, pairs: Pairs, processes: Processes) -> Begun:
    """The start that `config`, a `Beginning`, names.

    pairs: to learn a tokenizer from, where the start has none. Raises ModelMissing for what is not
    on this machine, InputError for what cannot be trained on.
    """
    torch.manual_seed(config.seed)
    shape: Beginning = config  # type: ignore[assignment]
    if shape.begin == NOTHING or shape.image or shape.text:
        return begin_encoders(shape, pairs, processes)
    checkpoint = resolve(parse_spec(shape.begin))
    kind = str(checkpoint.config.get("model_type", "")).replace("-", "_")
    if kind in KINDS:
        return begin_checkpoint(checkpoint)
    if kind in MASKED:
        taken: dict[str, Any] = {MASKED[kind]: shape.begin}
        sided: Beginning = replace(config, **taken)  # type: ignore[assignment]
        return begin_encoders(sided, pairs, processes)
    if kind != "dual_tower":
        name = kind or family_of(checkpoint).name
        raise InputError(
            f"{checkpoint.spec} cannot be begun with",
            why=f"it is a {name}; towers that learn are the built-in ones and {', '.join(KINDS)}",
            hint="--image and --text take a backbone and an encoder by themselves",
        )
    return _run(config, checkpoint, processes) or begin_builtin(checkpoint)


def _run(config: Plan, checkpoint: Checkpoint, processes: Processes) -> Begun | None:
    """A run of the same recipe: its own start, with what it learnt; None for another folder."""
    folder = checkpoint.folder
    if not is_run(folder, "dual-tower"):
        return None
    before = replace(read_config(type(config), folder / RUN, {}), out=folder)
    begun = begin(before, Pairs([]), processes)
    rank: int = before.lora  # type: ignore[attr-defined]
    if rank:
        add_lora(begun.model, rank)
    load_weights(folder / BEST, begun.model)
    if rank:
        merge_lora(begun.model)
        for group in begun.model.groups():
            for weight in group.parameters:
                weight.requires_grad_(True)
    told = {"start": named(checkpoint)}
    return replace(begun, told={**begun.told, **told})

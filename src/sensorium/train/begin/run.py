"""To begin with a finished run of the same recipe: its shape, its pieces, its weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from torch import nn

from sensorium.errors import InputError
from sensorium.runtime.hub import resolve
from sensorium.spec import parse_spec
from sensorium.train.checkpoint import load_weights
from sensorium.train.config import RUN, read_config
from sensorium.train.loop import BEST
from sensorium.train.options import Options
from sensorium.train.words import TOKENIZER

Plan = TypeVar("Plan", bound=Options)


def is_run(folder: Path, recipe: str) -> bool:
    """Whether a run of the recipe ended in the folder."""
    told = folder / RUN
    named = told.is_file() and f'recipe = "{recipe}"\n' in told.read_text("utf-8")
    return named and (folder / BEST).is_file()


def shaped(config: Plan, recipe: str, begin: str, shape: Sequence[str]) -> Plan:
    """`config` with the fields `shape`, and the tokenizer if it has one, of the run that it begins
    with: what the weights fit, whatever else was said. As it is where `begin` is empty.

    Raises InputError for a folder that no run of the recipe ended in.
    """
    if not begin:
        return config
    folder = _folder(begin, recipe)
    before = read_config(type(config), folder / RUN, {})
    taken = {name: getattr(before, name) for name in shape}
    if hasattr(config, "tokenizer"):
        taken["tokenizer"] = str(folder / TOKENIZER)
    return replace(config, **taken)


def fill(model: nn.Module, recipe: str, begin: str) -> None:
    """Put that run's best weights into `model`; nothing where `begin` is empty."""
    if begin:
        load_weights(_folder(begin, recipe) / BEST, model)


def _folder(begin: str, recipe: str) -> Path:
    checkpoint = resolve(parse_spec(begin))
    if not is_run(checkpoint.folder, recipe):
        raise InputError(
            f"{checkpoint.spec} cannot be begun with",
            why=f"no run of {recipe} ended there",
            hint=f"a folder with {RUN} and {BEST}, as `sensorium train {recipe}` leaves it",
        )
    return checkpoint.folder

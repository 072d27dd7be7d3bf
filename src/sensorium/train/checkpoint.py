"""What a run needs to go on, in one file: tensors and plain values, nothing that runs code.

Written beside its place and renamed, so that a reader sees the old file or the new one, whole.
"""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from sensorium.errors import InputError, first_line
from sensorium.train.averages import Averages


@dataclass
class State:
    """step: steps that are done. best: the highest watched figure so far, `at` which step, and
    `figures` of that time; misses: validations since. before: figures of the start."""

    step: int = 0
    best: float = float("-inf")
    at: int = 0
    misses: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)

    def judge(self, watched: float, figures: dict[str, float]) -> bool:
        """Take in a validation; whether it is the best. A tie with the start goes to what was
        trained: recall is coarse, and the loss has fallen since."""
        if self.step == 0:
            self.before = dict(figures)
        if watched > self.best or (watched == self.best and self.at == 0):
            self.best, self.misses, self.figures = watched, 0, dict(figures)
            self.at = self.step
            return True
        self.misses += 1
        return False


def save_state(
    path: Path,
    state: State,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    averages: Averages | None,
) -> None:
    held = {
        "state": asdict(state),
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "averages": averages.weights if averages else {},
    }
    _write(path, held)


def load_state(
    path: Path,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    averages: Averages | None,
) -> State | None:
    """Put everything back; None where there is no checkpoint."""
    if not path.exists():
        return None
    held = _read(path)
    try:
        model.load_state_dict(held["model"])
        optimiser.load_state_dict(held["optimiser"])
        if averages:
            averages.load(held["averages"])
        return State(**held["state"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not fit this run",
            why=first_line(error),
            hint="--out another folder, or remove it to begin anew",
        ) from error


def save_weights(path: Path, model: torch.nn.Module) -> None:
    _write(path, model.state_dict())


def load_weights(path: Path, model: torch.nn.Module) -> None:
    model.load_state_dict(read_weights(path))


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Name → tensor, as `save_weights` wrote them."""
    weights: dict[str, torch.Tensor] = _read(path)
    return weights


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(value, beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _read(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what zip, pickle and its own reader raise
        why = first_line(error)
        raise InputError(f"{path} cannot be read", why, "remove it to begin anew") from error

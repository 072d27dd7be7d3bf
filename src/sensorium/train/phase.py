"""Phase: a part of a recipe that the loop runs and nobody keeps, before the part that counts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sensorium.train.loop import Group, Logs, train
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes

Plan = TypeVar("Plan", bound=Options)


class Phase(ABC, Generic[Plan]):
    """See `loop.Trainee`: all of it but `loss`, with nothing to validate on and nothing to write.

    Its batches are generators of chance, one a batch, from the seed and the batch's number.
    """

    watched = "steps"

    def __init__(self, config: Plan, model: torch.nn.Module, groups: Sequence[Group]) -> None:
        self.config, self.model, self._groups = config, model, list(groups)

    def groups(self) -> list[Group]:
        return self._groups

    def batches(self, start: int) -> Iterator[np.random.Generator]:
        number = start
        while True:
            yield np.random.default_rng([self.config.seed, number])
            number += 1

    @abstractmethod
    def loss(self, batch: np.random.Generator) -> tuple[Tensor, Logs]:
        """A scalar, the mean over a batch, and what else to draw a curve of."""

    def validate(self) -> dict[str, float]:
        return {self.watched: 0.0}

    def about(self) -> dict[str, str]:
        return {}

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """Nothing is kept."""


def run_phase(phase: Phase[Plan], processes: Processes, out: Path, **options: Any) -> None:
    """Train the phase's model in place; interrupted, it goes on from what stands in `out`."""
    plan = replace(phase.config, out=out, **options)
    plan = replace(plan, validate_every=plan.steps)  # no figure tells one step from another
    phase.config = plan
    for _ in train(phase, plan, processes, out):
        pass
    phase.model.eval()

"""Averages: an exponential moving average of a model's weights, often better than the last ones
(Polyak and Juditsky 1992; Tarvainen and Valpola, NeurIPS 2017)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Averages:
    """decay: how much of the average is kept a step; less in the first steps, so that the random
    start is soon forgotten."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self._model = model
        self._decay = decay
        self.weights = {
            name: value.detach().clone()
            for name, value in model.state_dict().items()
            if value.is_floating_point()
        }

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def update(self, step: int) -> None:
        """Take in the model's weights after step number `step`, from 0."""
        kept = min(self._decay, (1 + step) / (10 + step))
        for name, value in self._model.state_dict().items():
            if name in self.weights:
                self.weights[name].lerp_(value, 1 - kept)

    def load(self, weights: dict[str, Tensor]) -> None:
        for name, value in weights.items():
            self.weights[name].copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the averages, and afterwards its own weights again."""
        own = {name: value.clone() for name, value in self._model.state_dict().items()}
        self._model.load_state_dict(self.weights, strict=False)
        try:
            yield
        finally:
            self._model.load_state_dict(own)

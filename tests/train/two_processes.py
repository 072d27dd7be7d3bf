"""What `test_processes.py` starts, once or twice: a few steps with gathered negatives."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sensorium.train.loop import Ended, Group, grouped, train
from sensorium.train.losses import gathered_info_nce, gathered_sigmoid
from sensorium.train.options import Options
from sensorium.train.processes import Processes, processes


class Towers(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.images, self.texts = torch.nn.Linear(6, 4), torch.nn.Linear(5, 4)
        self.scale, self.bias = (torch.nn.Parameter(torch.tensor(x)) for x in (1.0, -2.0))


class Pairs:
    watched = "fit"

    def __init__(self, here: Processes, sigmoid: bool) -> None:
        torch.manual_seed(here.rank)  # the first process's weights must reach the others
        self.model, self.here, self.sigmoid = Towers(), here, sigmoid

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Any]:
        share = 8 // self.here.count
        rows = slice(self.here.rank * share, (self.here.rank + 1) * share)
        while True:
            random = np.random.default_rng(start)
            arrays = random.normal(size=(8, 6)), random.normal(size=(8, 5))
            yield [torch.from_numpy(one[rows]).float() for one in arrays]
            start += 1

    def loss(self, batch: Any) -> tuple[Any, dict[str, float]]:
        unit = torch.nn.functional.normalize
        images, texts = unit(self.model.images(batch[0])), unit(self.model.texts(batch[1]))
        if self.sigmoid:
            bias = self.model.bias
            return gathered_sigmoid(images, texts, self.model.scale, bias, self.here), {}
        return gathered_info_nce(images, texts, self.model.scale, self.here), {}

    def validate(self) -> dict[str, float]:
        return {"fit": self.here.rank * 0.1}

    def about(self) -> dict[str, str]:
        return {}

    def bad(self) -> list[Any]:
        return []

    def finish(self, out: Path) -> None:
        """There is nothing to write."""


def main(out: Path, sigmoid: bool) -> None:
    options = Options(data=("x",), out=out, steps=6, lr=0.01, batch=8, ema=0.5, validate_every=3)
    with processes("cpu") as here:
        for event in train(Pairs(here, sigmoid), options, here, out):
            assert not isinstance(event, Ended) or event.why == "done"


main(Path(sys.argv[1]), sys.argv[2] == "sigmoid")

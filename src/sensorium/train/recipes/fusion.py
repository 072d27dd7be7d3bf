"""Sentiment from what was said, how, and with which face, out of files of features (MulT; Tsai et
al., ACL 2019).

When to use it: to do research on multimodal sentiment, on CMU-MOSI, CMU-MOSEI, CH-SIMS or features
of your own in their form. `net="concatenation"` lays the mean of each kind of sign side by side;
`net="cross-modal"` lets each look at the others step by step. In training a kind of sign is missing
now and then, so that one model serves every set of them, and the figures are told for each set.

What it needs: a pickle in MMSA's form, a dict of train, valid and test, each with text, audio,
vision and regression_labels (see `train/features.py`); it is read without being run. The figures of
the test part are of several seeds, mean and spread: one seed alone says little on sets so small.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sensorium.errors import InputError
from sensorium.metrics import intensity
from sensorium.metrics.classification import accuracy, macro_f1
from sensorium.task import Range
from sensorium.train.export import FIGURES, export_graph, write_config, write_figures
from sensorium.train.features import MODALITIES, Features, read_features
from sensorium.train.fusion_net import Concatenation, CrossModal, subsets
from sensorium.train.loop import Ended, Group, Logs, grouped, train
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes

CLASSES = ("negative", "neutral", "positive")
SUBSETS = subsets(MODALITIES)
ALL = next(iter(SUBSETS))
_AT_ONCE = 256
_SEVEN = 1.0  # labels beyond this are on the scale of seven steps, -3 to 3
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    net: Annotated[Literal["concatenation", "cross-modal"], "How signs come together."] = (
        "cross-modal"
    )
    target: Annotated[
        Literal["score", "class"], "A number, or negative, neutral, positive by its sign."
    ] = "score"
    missing: Annotated[float, Range(0, 0.9), "How often a kind of sign is hidden in training."] = (
        0.2
    )
    seeds: Annotated[int, Range(1, 100), "Runs, of this seed and the next ones."] = 3
    steps: Annotated[int, Range(1, 10**6), "Optimiser steps of each."] = 1500
    batch: Annotated[int, Range(2, 10**5), "Items a batch."] = 32
    lr: Annotated[float, Range(0, 1), "Highest learning rate."] = 1e-3
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 100
    patience: Annotated[int, Range(0, 10**6), "Validations without a gain; 0: never stop."] = 8
    width: Annotated[int, Range(4, 4096), "Numbers a step within the network."] = 40
    layers: Annotated[int, Range(1, 100), "Layers of each look."] = 3
    heads: Annotated[int, Range(1, 128), "Attention heads; they divide the width."] = 4
    dropout: Annotated[float, Range(0, 0.9), "Share of states that is dropped."] = 0.2


Batch = NDArray[np.int64]


class Training:
    """See `loop.Trainee`. others: what runs of other seeds came to, by set of signs."""

    def __init__(
        self,
        config: Config,
        parts: Mapping[str, Features],
        processes: Processes,
        others: list[dict[str, Figures]],
    ) -> None:
        self.config, self.parts, self.processes, self.others = config, parts, processes, others
        self.watched = "correlation" if config.target == "score" else "macro F1"
        torch.manual_seed(config.seed)
        self.model = _network(config, parts["train"])
        self.told: dict[str, str] = {}

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Batch]:
        """Rows of every item once before any comes twice."""
        count, size = len(self.parts["train"]), self.config.batch
        size = min(size, count)
        number = start
        while True:
            epoch, at = divmod(number, count // size)
            order = np.random.default_rng([self.config.seed, epoch]).permutation(count)
            rows = order[at * size : (at + 1) * size]
            yield rows[self.processes.rank :: self.processes.count]
            number += 1

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        part = self.parts["train"]
        hidden = torch.rand(len(batch), len(MODALITIES)) < self.config.missing
        present = ~hidden | hidden.all(1, keepdim=True)
        answers = self.model(*self._inputs(part, batch), present.to(self.processes.device))
        truth = torch.from_numpy(part.labels[batch]).to(self.processes.device)
        if self.config.target == "class":
            return functional.cross_entropy(answers.float(), truth.sign().long() + 1), {}
        return functional.l1_loss(answers[:, 0].float(), truth), {}

    def validate(self) -> Figures:
        return self._figures(self.parts["valid"], SUBSETS[ALL])

    def tested(self) -> dict[str, Figures]:
        """Figures of the test part, by the signs that are there."""
        self.model.eval()
        with torch.no_grad():
            return {
                name: self._figures(self.parts["test"], there) for name, there in SUBSETS.items()
            }

    def _figures(self, part: Features, there: list[bool]) -> Figures:
        answers = []
        for start in range(0, len(part), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(part)))
            present = torch.tensor([there] * len(rows), device=self.processes.device)
            answers.append(self.model(*self._inputs(part, rows), present).float().cpu().numpy())
        made = np.concatenate(answers)
        if self.config.target == "class":
            named, truth = made.argmax(1), np.sign(part.labels).astype(np.int64) + 1
            return {"accuracy": accuracy(named, truth), "macro F1": macro_f1(named, truth)}
        return _of_scores(made[:, 0], part.labels)

    def _inputs(self, part: Features, rows: Batch) -> list[Tensor]:
        steps = (torch.from_numpy(part.steps[name][rows]) for name in MODALITIES)
        return [one.to(self.processes.device) for one in steps]

    def about(self) -> dict[str, str]:
        return {
            "items": ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items()),
            "parameters": f"{sum(one.numel() for one in self.model.parameters()):,}",
        } | self.told

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`: text, audio, vision, present → answer; `config.json`; `figures.json`, the
        test part by set of signs and seed."""
        self.processes = replace(self.processes, device=torch.device("cpu"))
        every = [self.tested(), *self.others]
        table = {name: _spread([one[name] for one in every]) for name in SUBSETS}
        write_figures(out, table)
        self.told = {
            f"test, {name}, {len(every)} seeds": ", ".join(
                f"{figure} {told['mean']:.3f} ± {told['spread']:.3f}"
                for figure, told in table[name].items()
            )
            for name in SUBSETS
        }
        config = self.config
        shape = {"net": config.net, "target": config.target, "modalities": list(MODALITIES)}
        labels = {"labels": list(CLASSES)} if config.target == "class" else {}
        size = {"width": config.width, "layers": config.layers, "heads": config.heads}
        write_config(out, {"model_type": "fusion"} | shape | labels | size)
        inputs = dict(zip(MODALITIES, self._inputs(self.parts["test"], np.arange(2)), strict=True))
        inputs["present"] = torch.ones(2, len(MODALITIES), dtype=torch.bool)
        axes = {name: {0: "n", 1: f"{name} steps"} for name in MODALITIES}
        axes |= {"present": {0: "n"}, "answer": {0: "n"}}
        export_graph(self.model, inputs, "answer", axes, out / "model.onnx")


def start(config: Config, processes: Processes) -> Training:
    if len(config.data) != 1:
        raise InputError("one file of features is wanted", f"there are {len(config.data)}")
    if config.width % (2 * config.heads):
        raise InputError("twice the heads must divide the width", f"{config.width}, {config.heads}")
    parts = read_features(Path(config.data[0]))
    seeds = range(config.seed + 1, config.seed + config.seeds)
    others = [_other(replace(config, seed=seed), parts, processes) for seed in seeds]
    return Training(config, parts, processes, others)


def _other(
    config: Config, parts: Mapping[str, Features], processes: Processes
) -> dict[str, Figures]:
    """Train with this seed, and tell what came of it; once done it is not done again."""
    out = config.out / "work" / f"seed-{config.seed}"
    done = out / FIGURES
    if done.is_file():
        found: dict[str, Figures] = json.loads(done.read_text("utf-8"))
        return found
    out.mkdir(parents=True, exist_ok=True)
    trainee = Training(config, parts, processes, [])
    for event in train(trainee, config, processes, out):
        if isinstance(event, Ended) and event.why == "stopped":
            raise KeyboardInterrupt
    figures = trainee.tested()
    if processes.first:
        write_figures(out, figures)
    processes.wait()
    return figures


def _network(config: Config, part: Features) -> nn.Module:
    examples = {name: torch.from_numpy(part.steps[name]) for name in MODALITIES}
    outputs = len(CLASSES) if config.target == "class" else 1
    if config.net == "concatenation":
        return Concatenation(examples, config.width, config.dropout, outputs)
    return CrossModal(examples, config.width, config.heads, config.layers, config.dropout, outputs)


def _of_scores(made: NDArray[np.float32], truth: NDArray[np.float32]) -> Figures:
    """Two classes by both conventions, seven where the labels have as many, error, correlation."""
    all_, clear = (
        intensity.negative_or_not(made, truth),
        intensity.negative_or_positive(made, truth),
    )
    figures = {
        "correlation": intensity.correlation(made, truth),
        "mean absolute error": intensity.mean_absolute_error(made, truth),
        "accuracy, negative or not": all_.accuracy,
        "F1, negative or not": all_.f1,
        "accuracy, negative or positive": clear.accuracy,
        "F1, negative or positive": clear.f1,
    }
    if np.abs(truth).max() > _SEVEN:
        figures["accuracy of seven"] = intensity.accuracy_of_seven(made, truth)
    return figures


def _spread(every: list[Figures]) -> dict[str, dict[str, float | list[float]]]:
    """Of each figure the mean over seeds, its standard deviation (0 for one seed), and each."""
    table: dict[str, dict[str, float | list[float]]] = {}
    for figure in every[0]:
        values = [one[figure] for one in every]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        table[figure] = {"mean": float(np.mean(values)), "spread": spread, "each": values}
    return table

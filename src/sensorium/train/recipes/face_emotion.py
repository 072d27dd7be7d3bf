"""What a face expresses: seven emotions, from a grey picture of 48 pixels.

When to use it: to make the model that `sensorium emotion` reads faces with again, or one of your
own on a file of the same columns. One CPU core makes it in an hour.

What it needs: the start EfficientNet-Lite0 of `train/starts.py` installed, and one parquet file
with the columns image, emotion, usage, votes (see `train/expressions.py`).

How it is made
1. EfficientNet-Lite0 (Tan and Le 2019) takes faces enlarged to 64 pixels, and in a second run that
   begins with the first to 96 (`--begin FIRST --size 96`): most is learnt at half of the cost, as
   in EfficientNetV2 (Tan and Le 2021). Its lowest blocks stay as they are, with means and spreads
   of faces in their norms.
2. Two heads: FER2013's one label a face, and the votes of ten people as a distribution (Barsoum et
   al. 2016). Labels are smoothed, and where asked for also shared out by what the votes say that
   such a face is mostly filed under; faces are varied and mixed (mixup), weights averaged.
3. At use the readings of a face and of its mirror image are averaged; the temperature of either
   head is fitted on half of what was held back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sensorium.metrics.calibration import calibration_error, fit_temperature
from sensorium.metrics.classification import accuracy, macro_f1
from sensorium.models.face_emotion import tempered
from sensorium.results.timeline import EMOTIONS
from sensorium.task import Range
from sensorium.train.checkpoint import load_weights
from sensorium.train.encoders import load_efficientnet_lite
from sensorium.train.export import write_config, write_figures
from sensorium.train.expressions import SIDE, Faces, Split, read_expressions
from sensorium.train.face_emotion import FaceEmotion, enlarged, mixed, varied
from sensorium.train.loop import BEST, Group, Logs, grouped
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import EFFICIENTNET_LITE0
from sensorium.train.turns import each_once

_SEVEN = len(EMOTIONS)
AROUND, RAISED = 1.28, 0.09
"""What FER2013's pictures show of the surroundings, by the places of eyes and mouth in 281 of them
against 9,677 faces with boxes from brow to chin."""


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    steps: Annotated[int, Range(1, 10**6), "Optimiser steps."] = 3200
    batch: Annotated[int, Range(2, 10**5), "Faces a batch."] = 32
    accumulate: Annotated[int, Range(1, 10_000), "Batches whose gradients make a step."] = 2
    lr: Annotated[float, Range(0, 1), "Of the blocks; the heads have four times it."] = 8e-4
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.997
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 800
    size: Annotated[int, Range(32, 512), "Side that faces are enlarged to, pixels."] = 64
    begin: Annotated[str, "A finished run to go on from; empty: ImageNet's weights."] = ""
    frozen_blocks: Annotated[int, Range(0, 16), "Of 16 blocks, those left as they are."] = 3
    smoothing: Annotated[float, Range(0, 0.5), "Share of a label's target for all."] = 0.1
    crowd: Annotated[float, Range(0, 1), "Share of a label's target that the votes decide."] = 0.0
    dropout: Annotated[float, Range(0, 0.9), "Share of features dropped before the heads."] = 0.3
    mix: Annotated[float, Range(0, 10), "mixup's alpha; 0 mixes none."] = 0.3


class Training:
    """See `loop.Trainee`."""

    watched = "mean"

    def __init__(self, config: Config, model: FaceEmotion, split: Split) -> None:
        self.config, self.model, self.split = config, model, split
        self.pixels = torch.from_numpy(split.train.pixels)
        self.targets = torch.from_numpy(targets(split.train, config.smoothing, config.crowd))

    def groups(self) -> list[Group]:
        return [*grouped(self.model.net), *grouped(self.model.heads, 4.0)]

    def batches(self, start: int) -> Iterator[Tensor]:
        return each_once(len(self.pixels), self.config.batch, self.config.seed, start)

    def loss(self, batch: Tensor) -> tuple[Tensor, Logs]:
        x, wanted = varied(self.pixels[batch].float(), self.config.size), self.targets[batch]
        if self.config.mix:
            x, wanted = mixed(x, wanted, self.config.mix)
        logits = self.model(x).float()
        label, votes = (
            -(goal * part.log_softmax(-1)).sum() / max(1.0, float(goal.sum()))
            for goal, part in zip(wanted.split(_SEVEN, 1), logits.split(_SEVEN, 1), strict=True)
        )
        return label + votes, {"label": label.detach(), "votes": votes.detach()}

    def validate(self) -> dict[str, float]:
        return figures(logits_of(self.model, self.split.held, self.config.size), self.split.held)

    def about(self) -> dict[str, str]:
        split = self.split
        return {
            "start": str(EFFICIENTNET_LITE0),
            "faces": f"{len(split.train):,}; held back: {len(split.held):,}",
            "left out": f"{split.unvoted:,} without votes, {split.repeats:,} held back too",
        }

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`, `config.json`: `models/face_emotion.py`."""
        write(self.model, self.config.size, self.split.held, out)


def targets(faces: Faces, smoothing: float, crowd: float = 0.0) -> NDArray[np.float32]:
    """float32 `(n, 14)`: the smoothed label, of which the votes decide a share of `crowd`, and the
    shares of votes, zeros where none."""
    one = np.eye(_SEVEN, dtype=np.float32)[faces.labels]
    if crowd:
        one = one * (1 - crowd) + faces.filed_as() * crowd
    smooth = one * (1 - smoothing) + smoothing / _SEVEN
    return np.concatenate([smooth, faces.shares()], axis=1)


@torch.no_grad()  # type: ignore[untyped-decorator]
def logits_of(model: nn.Module, faces: Faces, side: int) -> Tensor:
    parts = torch.from_numpy(faces.pixels).split(64)
    return torch.cat([model(enlarged(part.float(), side)).float() for part in parts])


def figures(logits: Tensor, faces: Faces) -> dict[str, float]:
    """Either head by its own measure, and their mean."""
    label, votes = (part.argmax(1).numpy() for part in logits.split(_SEVEN, 1))
    top = faces.majority()
    told = {
        "label accuracy": accuracy(label, faces.labels),
        "label macro-F1": macro_f1(label, faces.labels),
        "votes accuracy": accuracy(votes[top >= 0], top[top >= 0]) if (top >= 0).any() else 0.0,
    }
    return {"mean": (told["label accuracy"] + told["votes accuracy"]) / 2} | told


class _AtUse(nn.Module):  # type: ignore[misc]
    """uint8 `(n, 48, 48)` to the mean of the logits of faces and of their mirror images."""

    def __init__(self, model: FaceEmotion, side: int) -> None:
        super().__init__()
        self.model, self.side = model, side

    def forward(self, faces: Tensor) -> Tensor:
        x = enlarged(faces.float(), self.side)
        return (self.model(x) + self.model(x.flip(-1))) / 2


def write(model: FaceEmotion, side: int, held: Faces, out: Path) -> None:
    """The folder that `models/face_emotion.py` opens, and `figures.json`."""
    out.mkdir(parents=True, exist_ok=True)
    net = _AtUse(model.eval(), side)
    example = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    to_onnx(net, (example,), {"faces": {0: "n"}}, "logits", out / "model.onnx", "float16")
    with torch.no_grad():
        parts = [net(part) for part in torch.from_numpy(held.pixels).split(64)]
    temperatures, told = fit(torch.cat(parts).numpy(), held)
    write_figures(out, told)
    config = {"labels": list(EMOTIONS), "side": SIDE, "around": AROUND, "raised": RAISED}
    kind = {"model_type": "face_emotion"}
    write_config(out, kind | config | {"temperatures": temperatures})


def fit(
    logits: NDArray[np.float32], faces: Faces
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The temperature of either head and its figures: calibration errors are of the half of the
    faces that the temperature was not fitted on."""
    heats: dict[str, float] = {}
    told: dict[str, dict[str, float]] = {}
    truths = {"label": faces.labels, "crowd": faces.majority()}
    for (name, truth), head in zip(truths.items(), np.split(logits, 2, axis=1), strict=True):
        head, truth = head[truth >= 0], truth[truth >= 0]
        half = np.arange(len(truth)) % 2 == 0
        # To 0.05: so few faces tell no finer.
        heats[name] = round(20 * fit_temperature(head[half], truth[half])) / 20
        right = head.argmax(1) == truth
        told[name] = {"n": len(truth), "accuracy": float(right.mean())} | {
            f"calibration error {when}": calibration_error(
                tempered(head[~half], heat).max(1), right[~half]
            )
            for when, heat in (("before", 1.0), ("after", heats[name]))
        }
    return heats, told


def start(config: Config, processes: Processes) -> Training:
    torch.manual_seed(config.seed)
    split = read_expressions(Path(config.data[0]))
    net, _ = load_efficientnet_lite(EFFICIENTNET_LITE0.path(), 1.0, 1.0)
    model = FaceEmotion(net, _SEVEN, config.frozen_blocks, config.dropout)
    few = torch.from_numpy(split.train.pixels[:2048]).float()
    model.settle(enlarged(few, config.size))
    if config.begin:
        load_weights(Path(config.begin) / BEST, model)
    return Training(config, model, split)

"""68 points of a face: what `sensorium emotion` measures mouth, brows and eyes by.

When to use it: to make the built-in model again, or one on faces of your own. Half an hour of one
CPU core.

What it needs: the start EfficientNet-Lite0 of `train/starts.py`, the teacher of npm's registry that
stands there too (`--teacher FOLDER`), and parquet files: portraits with a face box and five marked
points (columns id, image, boxes, landmarks), and grey faces with what they express (image, emotion,
usage, votes), whose own answers are not used here.

How it is made
1. The teacher marks every face in several views, turned, moved and mirrored, and the mean is taken:
   it trembles, and its mean does less. Where people marked corners of the mouth and eyes, the
   points follow.
2. The lower part of an ImageNet net learns these points from small, turned, coarse, recoloured and
   mirrored faces, smooth L1 in shares of the distance between the eyes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from sensorium.errors import InputError
from sensorium.task import Range
from sensorium.train.encoders import load_efficientnet_lite
from sensorium.train.export import write_config, write_figures
from sensorium.train.expressions import read_expressions
from sensorium.train.face_data import read_portraits
from sensorium.train.face_landmarks import (
    AROUND,
    SIDE,
    FacePoints,
    Marked,
    View,
    between_eyes,
    five,
    points_loss,
    varied,
)
from sensorium.train.face_marked import (
    joined,
    load_points,
    of_expressions,
    of_portraits,
    put_right,
    save_points,
    taught,
)
from sensorium.train.face_points import Teacher
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.readers.parquet import open_parquet
from sensorium.train.recipes.face_emotion import AROUND as SURROUNDINGS
from sensorium.train.recipes.face_emotion import RAISED
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import EFFICIENTNET_LITE0, FACE_API_68
from sensorium.train.turns import each_once


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    teacher: Annotated[str, "The folder that the teacher's npm package was unpacked to."] = ""
    steps: Annotated[int, Range(1, 10**6), "Optimiser steps."] = 4000
    batch: Annotated[int, Range(1, 10**5), "Faces a batch."] = 64
    lr: Annotated[float, Range(0, 1), "Of the last map; the blocks have half of it."] = 2e-3
    weight_decay: Annotated[float, Range(0, 10), "AdamW's, on matrices."] = 0.02
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.997
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 500
    frozen: Annotated[int, Range(0, 8), "Of 8 blocks, those left as they are."] = 3
    width: Annotated[int, Range(8, 320), "Channels of the grid that points are read from."] = 48
    views: Annotated[int, Range(2, 100), "Of each face that the teacher sees."] = 6
    greys: Annotated[int, Range(0, 10**6), "Grey faces, drawn from those to train on."] = 8000


class Training:
    """See `loop.Trainee`."""

    watched = "within"

    def __init__(self, config: Config, model: FacePoints, faces: Marked, held: Marked) -> None:
        self.config, self.model, self.faces, self.held = config, model, faces, held

    def groups(self) -> list[Group]:
        return [*grouped(self.model.net, 0.5), *grouped(self.model.told)]

    def batches(self, start: int) -> Iterator[Tensor]:
        return each_once(len(self.faces), self.config.batch, self.config.seed, start)

    def loss(self, batch: Tensor) -> tuple[Tensor, Logs]:
        faces = self.faces.take(batch)
        x, wanted = varied(faces)
        told = self.model(x).float()
        off = (told - wanted).norm(dim=-1).mean() / between_eyes(wanted).mean()
        return points_loss(told, wanted, faces.doubt), {"off": off.detach()}

    def validate(self) -> dict[str, float]:
        return figures(placed(self.model, self.held), self.held)

    def about(self) -> dict[str, str]:
        return {
            "start": str(EFFICIENTNET_LITE0),
            "teacher": str(FACE_API_68),
            "faces": f"{len(self.faces):,}; held back: {len(self.held):,}",
        }

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`, `config.json`: `models/face_landmarks.py`; `figures.json`."""
        write(self.model, out)
        told = {"model": self.validate(), "teacher": figures(self.held.points, self.held)}
        write_figures(out, told)


@torch.no_grad()  # type: ignore[untyped-decorator]
def placed(model: FacePoints, faces: Marked) -> Tensor:
    """Points in pixels of faces as they are cut at use."""
    model.eval()
    found = []
    for rows in torch.arange(len(faces)).split(64):
        part = faces.take(rows)
        view = View.straight(part.boxes)
        found.append(view.outside(model(view.cut(part.pixels, SIDE)).float()))
    return torch.cat(found)


def figures(points: Tensor, faces: Marked) -> dict[str, float]:
    """Mean distances: to the teacher's points in shares of that between the eyes' outer corners,
    and of the five to those that people marked in shares of that between the eyes' middles."""
    off = (points - faces.points).norm(dim=-1).mean(1) / between_eyes(faces.points)
    marked = ~faces.real.isnan().any(2).any(1)
    real = faces.real[marked]
    apart = (real[:, 0] - real[:, 1]).norm(dim=-1)
    five_off = (five(points[marked]) - real).norm(dim=-1) / apart[:, None]
    told = {
        "off the teacher": float(off.mean()),
        "off what is marked": float(five_off.mean()),
        "corners of the mouth off": float(five_off[:, 3:].mean()),
    }
    return {"within": 1 - (told["off the teacher"] + told["off what is marked"]) / 2} | told


def write(model: FacePoints, out: Path) -> None:
    """The folder that `models/face_landmarks.py` opens."""
    out.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, 3, SIDE, SIDE)
    to_onnx(model, (example,), {"faces": {0: "n"}}, "points", out / "model.onnx", "float16")
    write_config(out, {"model_type": "face_landmarks", "side": SIDE, "around": AROUND})


def start(config: Config, processes: Processes) -> Training:
    torch.manual_seed(config.seed)
    trained, held = _faces(config)
    shares = View.straight(trained.boxes).inside(trained.points)
    net, _ = load_efficientnet_lite(EFFICIENTNET_LITE0.path(), 1.0, 1.0)
    model = FacePoints(net, config.frozen, config.width, shares.mean(0))
    few = trained.take(torch.randperm(len(trained))[:1024])
    model.settle(View.straight(few.boxes).cut(few.pixels, SIDE))
    return Training(config, model, trained, held)


def _faces(config: Config) -> tuple[Marked, Marked]:
    """To train on and held back, with points."""
    teacher = Teacher(FACE_API_68.path(config.teacher))
    work = config.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    trained: list[Marked] = []
    held: list[Marked] = []
    for name in config.data:
        path = Path(name)
        faces, apart = _read(path, config)
        done = work / f"{path.stem}.npz"
        if not done.is_file():
            save_points(done, taught(faces, teacher, config.views, config.seed))
        faces = load_points(done, faces)
        trained.append(put_right(faces.take((~apart).nonzero()[:, 0])))
        held += [faces.take(apart.nonzero()[:, 0])] if bool(apart.any()) else []
    if not held:
        raise InputError("nothing is held back", "no portraits with marked points are among --data")
    return joined(trained), joined(held)


def _read(path: Path, config: Config) -> tuple[Marked, Tensor]:
    """Faces without points, and which of them are held back."""
    if "landmarks" in open_parquet(path).schema_arrow.names:
        portraits = read_portraits(path)
        return of_portraits(portraits), torch.tensor([one.held for one in portraits])
    faces = read_expressions(path).train
    order = np.random.default_rng(config.seed).permutation(len(faces))[: config.greys]
    chosen = np.isin(np.arange(len(faces)), order)
    marked = of_expressions(faces.take(chosen), SURROUNDINGS, RAISED)
    return marked, torch.zeros(len(marked), dtype=torch.bool)

"""Faces and five points of each, in one pass: the detector that `sensorium emotion` looks with.

When to use it: to make the built-in detector again, or one on portraits of your own. Forty minutes
of one CPU core.

What it needs: the starts EfficientNet-Lite0 and MTCNN of `train/starts.py`, and parquet files:
portraits with one marked face (columns id, image, boxes, landmarks), scenes with captions or
names of things (image, captions_en or names), and pictures of things with a transparent ground
(image, group). Which is which is told by the columns.

How it is made
1. MTCNN (Zhang et al., IEEE SPL 2016) looks for faces in the scenes. What it is sure of is taken,
   what it doubts is left open, and a scene counts as one without people where neither it nor the
   words know of any. Its boxes are tightened to the portraits', brow to chin.
2. Canvases are put together by chance (`train/face_scenes.py`): heads at many sizes and angles in
   scenes without people; scenes with people; portraits, of which nothing far from the face is
   taken for faceless. The lower part of an ImageNet net learns on them with a small pyramid.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sensorium.metrics.detection import Pictured, average_precision, counted
from sensorium.signal.boxes import keep_best
from sensorium.task import Range
from sensorium.train.checkpoint import read_weights
from sensorium.train.encoders import load_efficientnet_lite
from sensorium.train.export import write_config, write_figures
from sensorium.train.face_data import (
    DOUBTED,
    Portrait,
    Scene,
    Tightening,
    decoded,
    load_scenes,
    read_portraits,
    read_scenes,
    save_scenes,
    taught,
)
from sensorium.train.face_net import (
    Batch,
    Canvas,
    Decoded,
    FaceNet,
    batched,
    detection_loss,
    scaled,
)
from sensorium.train.face_scenes import Stock
from sensorium.train.loop import BEST, Group, Logs, grouped
from sensorium.train.mtcnn import Mtcnn
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.readers.parquet import open_parquet, table_rows
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import EFFICIENTNET_LITE0, MTCNN

SIZES = (320, 640)
"""Longer sides at which the detector looks at a picture; the second at large ones alone."""
_OVERLAP = 0.4  # of two boxes that stay


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A finished run whose weights are the start; empty: ImageNet's."] = ""
    steps: Annotated[int, Range(1, 10**6), "Optimiser steps."] = 1900
    batch: Annotated[int, Range(1, 10**5), "Canvases a batch."] = 16
    lr: Annotated[float, Range(0, 1), "Of pyramid and head; the trunk has a quarter."] = 2e-3
    weight_decay: Annotated[float, Range(0, 10), "AdamW's, on matrices."] = 0.01
    clip: Annotated[float, Range(0, 10**6), "Longest gradient; 0 leaves it as it is."] = 10.0
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.998
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 400
    side: Annotated[int, Range(96, 1024), "Of a canvas, a multiple of 32."] = 256
    width: Annotated[int, Range(8, 256), "Channels of the pyramid."] = 48
    frozen: Annotated[int, Range(0, 11), "Blocks of the trunk left as they are."] = 3
    scenes: Annotated[int, Range(1, 10**6), "Scenes of a file that the teacher looks at."] = 5000
    fitted: Annotated[int, Range(20, 10**6), "Portraits that its boxes are tightened by."] = 1000
    checked: Annotated[int, Range(1, 10**6), "Portraits held back that validation sees."] = 240


class Training:
    """See `loop.Trainee`."""

    watched = "mean"

    def __init__(
        self, config: Config, net: FaceNet, stock: Stock, held: list[Portrait], people: list[Scene]
    ) -> None:
        self.config, self.model, self.stock = config, net, stock
        chance = np.random.default_rng(config.seed)
        order = chance.permutation(len(held))[: config.checked]
        self.held = [_enlarged(held[at], config.side) for at in order]
        apart = Stock(held, stock.empty, people, stock.things, config.side)
        self.canvases = [
            apart.canvas(np.random.default_rng([config.seed, 1, at])) for at in range(len(order))
        ]

    def groups(self) -> list[Group]:
        trunk = torch.nn.ModuleList([self.model.stem, self.model.blocks])
        own = {id(one) for one in trunk.parameters()}
        rest = torch.nn.ParameterList(p for p in self.model.parameters() if id(p) not in own)
        return [*grouped(trunk, 0.25), *grouped(rest)]

    def batches(self, start: int) -> Iterator[Batch]:
        number = start
        while True:
            seeds = range(number * self.config.batch, (number + 1) * self.config.batch)
            chances = (np.random.default_rng([self.config.seed, 0, seed]) for seed in seeds)
            yield batched([self.stock.canvas(chance) for chance in chances])
            number += 1

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        return detection_loss(self.model(batch.pixels), batch)

    def validate(self) -> dict[str, float]:
        """Average precision at IoU 0.5 on portraits held back and on canvases made of them."""
        told = {
            "portraits": average_precision(judge(self.model, self.held)),
            "canvases": average_precision(judge(self.model, self.canvases)),
        }
        return {"mean": sum(told.values()) / 2} | told

    def about(self) -> dict[str, str]:
        stock = self.stock
        faces = sum(int(one.sure.sum()) for one in stock.peopled)
        return {
            "start": f"{EFFICIENTNET_LITE0}"
            + (f", by way of {self.config.begin}" if self.config.begin else ""),
            "teacher": str(MTCNN[0]),
            "portraits": f"{len(stock.portraits):,} to train on",
            "scenes": f"{len(stock.peopled):,} with {faces:,} faces that the teacher is sure of, "
            f"{len(stock.empty):,} without people",
        }

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`, `config.json`, `figures.json`."""
        write(self.model, out)
        told = self.validate() | {"least": least_score(judge(self.model, self.canvases))}
        write_figures(out, told)


def write(net: FaceNet, out: Path) -> None:
    """The folder that `models/face_detector.py` opens."""
    out.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(1, 3, 96, 128)
    axes = {"pixels": {0: "n", 2: "height", 3: "width"}}
    to_onnx(Decoded(net), (example,), axes, "faces", out / "model.onnx", "float16")
    told = {"model_type": "face_detector", "sizes": list(SIZES), "overlap": _OVERLAP}
    write_config(out, told | {"score": 0.5, "small": 20, "small_score": 0.65})


@torch.no_grad()  # type: ignore[untyped-decorator]
def judge(net: FaceNet, canvases: list[Canvas]) -> list[Pictured]:
    """What the net finds on canvases, of any score worth ranking."""
    whole = Decoded(net).eval()
    told = []
    for canvas in canvases:
        pixels = torch.from_numpy(np.ascontiguousarray(canvas.pixels.transpose(2, 0, 1)))
        faces = whole(scaled(pixels[None]))[0].float().numpy()
        faces = faces[faces[:, 0] > 0.02]
        faces = faces[keep_best(faces[:, 1:5], faces[:, 0], _OVERLAP)]
        told.append(Pictured(faces[:, 1:5], faces[:, 0], canvas.xyxy, canvas.open))
    return told


def least_score(pictures: list[Pictured]) -> float:
    """The score at which precision and recall are best together (F1)."""

    def f1(least: float) -> float:
        kept = [
            Pictured(p.found[p.scores >= least], p.scores[p.scores >= least], p.wanted, p.open)
            for p in pictures
        ]
        found, false, wanted = counted(kept)
        return 2 * found / max(1, found + false + wanted)

    return float(max(np.arange(0.1, 0.9, 0.02), key=f1))


def _enlarged(portrait: Portrait, side: int) -> Canvas:
    """As the detector sees a small picture: all of it, made larger."""
    image = Image.fromarray(decoded(portrait.image))
    ratio = side / image.width
    return Canvas(
        np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)),
        portrait.xyxy[None] * ratio,
        portrait.points[None] * ratio,
        np.zeros((0, 4), np.float32),
    )


def start(config: Config, processes: Processes) -> Training:
    torch.manual_seed(config.seed)
    work = config.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    paths = {"portraits": [], "scenes": [], "things": []}  # type: dict[str, list[Path]]
    for name in config.data:
        paths[_kind(Path(name))].append(Path(name))
    portraits = [one for path in paths["portraits"] for one in read_portraits(path)]
    kept = [one for one in portraits if not one.held]
    scenes = [one for path in paths["scenes"] for one in _taught(config, path, kept, work)]
    people = [one for one in scenes if not one.empty]
    things = [
        _thing(row["image"]) for path in paths["things"] for row in table_rows(path, ("image",))
    ]
    # One scene in twenty is kept for validation, so that what is watched is not what was learnt.
    stock = Stock(
        kept,
        [one for one in scenes if one.empty],
        [one for at, one in enumerate(people) if at % 20],
        things,
        config.side,
    )
    trunk, _ = load_efficientnet_lite(EFFICIENTNET_LITE0.path(), 1.0, 1.0)
    net = FaceNet(trunk, config.width, config.frozen).to(memory_format=torch.channels_last)
    if config.begin:
        net.load_state_dict(read_weights(Path(config.begin) / BEST))
    return Training(config, net, stock, [one for one in portraits if one.held], people[::20])


def _kind(path: Path) -> str:
    names = set(open_parquet(path).schema_arrow.names)
    if "landmarks" in names:
        return "portraits"
    return "things" if "group" in names else "scenes"


def _taught(config: Config, path: Path, kept: list[Portrait], work: Path) -> list[Scene]:
    """Step 1 for one file; done once a run."""
    done = work / f"{path.stem}.npz"
    if not done.is_file():
        folder = next(one.path() for one in MTCNN).parent
        tight = work / "tightening.npy"
        if not tight.is_file():
            order = np.random.default_rng(config.seed).permutation(len(kept))[: config.fitted]
            fitted = Tightening.fitted([kept[at] for at in order], Mtcnn(folder))
            np.save(tight, fitted.weights)
        teacher = Mtcnn(folder, least=(0.5, 0.5, DOUBTED))
        tighten = Tightening(np.load(tight))
        rows = read_scenes(path, config.scenes, config.seed)
        told = (taught(row, teacher, tighten) for row in rows)
        save_scenes(done, [one for one in told if one is not None])
    return load_scenes(done)


def _thing(image: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """uint8 (height, width, 4)."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGBA"))

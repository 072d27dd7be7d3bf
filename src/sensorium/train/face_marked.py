"""Faces with 68 points: what a teacher says in several views of each, put right by the points that
people marked."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sensorium.train.expressions import Faces
from sensorium.train.face_data import Portrait, decoded
from sensorium.train.face_landmarks import (
    CORNERS,
    EYES,
    Marked,
    View,
    between_eyes,
    five,
    mirrored,
)
from sensorium.train.face_points import SIDE, Teacher

_AT_ONCE = 64
_MOUTH = slice(48, 68)
_PICTURE = 80  # pixels of a portrait's side, and of a grey face's with its rim
_AROUND = 1.36  # what the teacher is shown, of a face's side: least error on marked points
_EYES, _MIDDLE = 0.5, 0.5  # how far eyes, and the middle of the lips, follow what people marked


def of_portraits(portraits: list[Portrait]) -> Marked:
    """Without points yet."""
    xyxy = torch.from_numpy(np.stack([one.xyxy for one in portraits]))
    pixels = np.stack([decoded(one.image) for one in portraits]).transpose(0, 3, 1, 2)
    real = torch.from_numpy(np.stack([one.points for one in portraits]))
    sides = (xyxy[:, 2:] - xyxy[:, :2]).amax(1, keepdim=True)
    boxes = torch.cat([(xyxy[:, :2] + xyxy[:, 2:]) / 2, sides], 1)
    return _unmarked(torch.from_numpy(pixels.copy()), boxes, real)


def of_expressions(faces: Faces, around: float, raised: float) -> Marked:
    """Grey faces that fill their pictures, without points yet. around, raised: see
    `recipes/face_emotion.py`."""
    own = faces.pixels.shape[1]
    rim = (_PICTURE - own) // 2
    pixels = torch.from_numpy(faces.pixels)[:, None].float()
    pixels = F.pad(pixels, (rim,) * 4, mode="replicate").to(torch.uint8)
    side = own / around
    box = torch.tensor([_PICTURE / 2, _PICTURE / 2 + raised * side, side])
    nothing = torch.full((len(faces), 5, 2), math.nan)
    return _unmarked(pixels.expand(-1, 3, -1, -1), box.expand(len(faces), -1), nothing)


def joined(parts: list[Marked]) -> Marked:
    names = ("pixels", "boxes", "points", "real", "doubt")
    return Marked(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def _unmarked(pixels: Tensor, boxes: Tensor, real: Tensor) -> Marked:
    return Marked(pixels, boxes, torch.zeros(len(boxes), 68, 2), real, torch.zeros(len(boxes)))


def taught(faces: Marked, teacher: Teacher, views: int, seed: int) -> Marked:
    """With the mean of what the teacher says in `views` views of each, half of them mirrored."""
    torch.manual_seed(seed)
    told = list(_told(faces, teacher, views))
    points, doubt = (torch.cat(parts) for parts in zip(*told, strict=True))
    return Marked(faces.pixels, faces.boxes, points, faces.real, doubt)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _told(faces: Marked, teacher: Teacher, views: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(faces), _AT_ONCE):
        rows = torch.arange(start, min(start + _AT_ONCE, len(faces)))
        part = faces.take(rows)
        found = torch.stack([_once(part, teacher, bool(at % 2)) for at in range(views)])
        points = found.mean(0)
        apart = (found - points).norm(dim=-1).mean((0, 2)) / between_eyes(points).clamp_min(1)
        yield points, apart


def _once(part: Marked, teacher: Teacher, mirror: bool) -> Tensor:
    view = View.by_chance(part.boxes, math.radians(8), 0.08, 0.05, _AROUND)
    view.mirror[:] = mirror
    seen = view.cut(part.pixels, SIDE).contiguous(memory_format=torch.channels_last)
    return mirrored(view.outside(teacher(seen)), view.mirror)


def put_right(faces: Marked) -> Marked:
    """Where people marked eyes and mouth, the points follow: corners of the mouth go where they
    are marked, what is between them by its place between them, the lids half of the way."""
    marked = ~faces.real.isnan().any(2).any(1)
    points, real = faces.points.clone(), faces.real.nan_to_num()
    off = torch.where(marked[:, None, None], real - five(points), 0.0)
    for number, eye in enumerate(EYES):
        points[:, eye] += _EYES * off[:, number, None]
    left, right = (faces.points[:, one] for one in CORNERS)
    along = right - left
    across = (points[:, _MOUTH] - left[:, None]) * along[:, None]
    place = across.sum(-1) / along.square().sum(-1)[:, None].clamp_min(1e-6) * 2 - 1
    place = place.clamp(-1, 1)[..., None]
    ends = torch.where(place < 0, off[:, 3, None], off[:, 4, None])
    middle = _MIDDLE * (off[:, 3] + off[:, 4])[:, None] / 2
    points[:, _MOUTH] += place.abs() * ends + (1 - place.abs()) * middle
    return Marked(faces.pixels, faces.boxes, points, faces.real, faces.doubt)


def save_points(path: Path, faces: Marked) -> None:
    np.savez(path, points=faces.points.numpy(), doubt=faces.doubt.numpy())


def load_points(path: Path, faces: Marked) -> Marked:
    with np.load(path) as held:
        points, doubt = torch.from_numpy(held["points"]), torch.from_numpy(held["doubt"])
    return Marked(faces.pixels, faces.boxes, points, faces.real, doubt)

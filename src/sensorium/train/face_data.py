"""What a detector of faces learns from: portraits with one marked face, scenes in which a teacher
found faces, and scenes without people."""

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sensorium.signal.boxes import overlaps
from sensorium.train.readers.parquet import open_parquet, table_rows

if TYPE_CHECKING:  # a benchmark without torch reads portraits
    from sensorium.train.mtcnn import Found, Mtcnn

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SURE, DOUBTED = 0.97, 0.4
"""The teacher's score from which a face is taken for one, and from which it is left open."""
_LARGER = 3  # times as large a portrait is shown to the teacher
_PEOPLE = re.compile(
    r"\b(wo)?m[ae]n\b|person|people|\b(boy|girl|child|kid|bab(y|ie)|lady|guy|player|crowd|toddler"
    r"|skier|surfer|skater|biker|rider|athlete|runner|climber|hiker|swimmer|dancer|bride|team|family"
    r"|friend|couple|group|someone|snowboarder|skateboarder|cyclist|face|head|doll|statue|painting"
    r"|poster|portrait|hand)s?\b|children|\bhis\b|\bher\b|\bhe\b|\bshe\b|bride|groom",
    re.IGNORECASE,
)
# WordNet's numbers of animals; tench and the like are held up by people.
_ANIMALS = ("n01641577", "n02486410")


@dataclass(frozen=True)
class Portrait:
    """A small picture with one marked face, others perhaps unmarked. xyxy (4,), points (5, 2)."""

    id: str
    image: bytes
    xyxy: Floats
    points: Floats

    @property
    def held(self) -> bool:
        """One in ten is never trained on; all pictures of a person, or cut from one photo, go
        together, by the file names of the set."""
        name = self.id.rpartition("/")[2]
        if "net_7876" in self.id:
            group = re.sub(r"^_-?\d+_", "", name).split("_")[0]
        else:
            group = re.sub(r"_\d+$", "", name)
        return zlib.crc32(group.encode()) % 10 == 0


@dataclass(frozen=True)
class Scene:
    """A picture with all faces that were found in it, none in one without people. xyxy (n, 4),
    points (n, 5, 2), sure (n,): whether it is one; the others are left open."""

    image: bytes
    xyxy: Floats
    points: Floats
    sure: NDArray[np.bool]

    @property
    def empty(self) -> bool:
        return not len(self.xyxy)


def decoded(image: bytes) -> Pixels:
    """uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))


def read_portraits(path: Path) -> list[Portrait]:
    """Rows of a file with the columns id, image, boxes ([x, y, w, h], one) and landmarks (ten
    numbers); see `roles.Face` for the order of the points."""
    return [
        Portrait(
            row["id"],
            row["image"],
            np.array(row["boxes"][0], np.float32) @ _CORNERS,
            np.array(row["landmarks"][0], np.float32).reshape(5, 2),
        )
        for row in table_rows(path, ("id", "image", "boxes", "landmarks"))
    ]


_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)


@dataclass(frozen=True)
class Tightening:
    """From the teacher's box, forehead to chin, and its points to a box from brow to chin, as the
    portraits are marked: a linear map in units of the teacher's box. weights (15, 4)."""

    weights: Floats

    @classmethod
    def fitted(cls, portraits: list[Portrait], mtcnn: "Mtcnn") -> "Tightening":
        """By least squares over the portraits in which the teacher finds the marked face."""
        rows, wanted = [], []
        for one in portraits:
            picture = decoded(one.image).repeat(_LARGER, axis=0).repeat(_LARGER, axis=1)
            found = mtcnn(picture)
            shares = overlaps(one.xyxy * _LARGER, found.xyxy, of_smaller=True)[0]
            if len(shares) and shares.max() > 0.8:
                at = int(shares.argmax())
                rows.append(_features(found.xyxy[at : at + 1], found.points[at : at + 1])[0])
                wanted.append(_within(one.xyxy[None] * _LARGER, found.xyxy[at : at + 1])[0])
        weights = np.linalg.lstsq(np.stack(rows), np.stack(wanted), rcond=None)[0]
        return cls(weights.astype(np.float32))

    def __call__(self, found: "Found") -> Floats:
        """(n, 4), in pixels."""
        sides = np.tile(found.xyxy[:, 2:] - found.xyxy[:, :2], 2)
        corners = np.tile(found.xyxy[:, :2], 2)
        tight: Floats = _features(found.xyxy, found.points) @ self.weights * sides + corners
        return tight


def _within(values: Floats, xyxy: Floats) -> Floats:
    """Corners (n, 4) in units of the boxes (n, 4)."""
    sides = np.tile(xyxy[:, 2:] - xyxy[:, :2], 2)
    shares = (values - np.tile(xyxy[:, :2], 2)) / np.maximum(sides, 1e-6)
    return np.asarray(shares, np.float32)


def _features(xyxy: Floats, points: Floats) -> Floats:
    """(n, 15): the points in units of the box, its aspect, and whether they are squeezed, and 1."""
    sides = np.maximum(xyxy[:, None, 2:] - xyxy[:, None, :2], 1e-6)
    places = ((points - xyxy[:, None, :2]) / sides).reshape(-1, 10)
    aspect = (sides[:, 0, :1] / sides[:, 0, 1:]) ** np.array([1, -1])
    eyes = np.abs(places[:, 2:3] - places[:, :1])
    mouth = places[:, [7]] + places[:, [9]] - places[:, [1]] - places[:, [3]]
    features = np.concatenate([places, aspect, eyes, mouth, np.ones_like(eyes)], 1)
    return features.astype(np.float32)


def taught(row: Mapping[str, Any], mtcnn: "Mtcnn", tighten: Tightening) -> Scene | None:
    """What the teacher sees in a picture, made twice as large; None for a picture that names no
    people but shows what may be a face, or names them and shows none."""
    image = Image.open(io.BytesIO(row["image"])).convert("RGB")
    ratio = min(448, 2.1 * max(image.size)) / max(image.size)
    size = [max(24, round(side * ratio)) for side in image.size]
    found = mtcnn(np.asarray(image.resize(size, Image.Resampling.BILINEAR)))
    names_people = _names_people(row)
    if names_people != bool((found.scores >= SURE).any()) or (not names_people and len(found.xyxy)):
        return None
    xyxy, points = tighten(found) / ratio, found.points / ratio
    return Scene(row["image"], xyxy, points, found.scores >= SURE)


def read_scenes(path: Path, most: int, seed: int) -> Iterator[Mapping[str, Any]]:
    """Rows with a picture, `most` of them drawn; of tiny pictures with one name those of animals
    alone."""
    columns = open_parquet(path).schema_arrow.names
    kept = [name for name in ("image", "captions_en", "names", "wnid", "name") if name in columns]
    rows = list(table_rows(path, kept))
    rows = [row for row in rows if _ANIMALS[0] <= row.get("wnid", "n02") < _ANIMALS[1]]
    for at in np.random.default_rng(seed).permutation(len(rows))[:most]:
        yield rows[at]


def _names_people(row: Mapping[str, Any]) -> bool:
    texts = [*(row.get("captions_en") or ()), *(row.get("names") or ())]
    return bool(_PEOPLE.search(" ".join(texts)))


def save_scenes(path: Path, scenes: list[Scene]) -> None:
    """One file of arrays; pictures as they were coded."""
    counts = [len(one.xyxy) for one in scenes]
    lengths = [len(one.image) for one in scenes]
    np.savez(
        path,
        counts=counts,
        lengths=lengths,
        images=np.frombuffer(b"".join(one.image for one in scenes), np.uint8),
        xyxy=np.concatenate([one.xyxy for one in scenes]),
        points=np.concatenate([one.points for one in scenes]),
        sure=np.concatenate([one.sure for one in scenes]),
    )


def load_scenes(path: Path) -> list[Scene]:
    with np.load(path) as held:
        ends = held["counts"].cumsum()[:-1]
        parts = [np.split(held[name], ends) for name in ("xyxy", "points", "sure")]
        images = np.split(held["images"], held["lengths"].cumsum()[:-1])
    return [Scene(image.tobytes(), *rest) for image, *rest in zip(images, *parts, strict=True)]

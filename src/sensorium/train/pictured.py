"""Reads the parquet files that recipes train on: pictures with sentences or names, plain text."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from sensorium.train.readers.parquet import open_parquet, table_rows


@dataclass(frozen=True)
class Pictured:
    """One picture (encoded bytes) and what is said of it, by language.

    `en` and `zh` were written by people, `zh_mt` by a machine; a picture of one thing has its name
    alone. `box` is a crop `(left, top, right, bottom)` in pixels.
    """

    id: str
    image: bytes
    en: list[str]
    zh: list[str] = field(default_factory=list)
    zh_mt: list[str] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None

    @property
    def coco(self) -> int | None:
        """COCO's number of the picture, where the id tells it (`coco-139`, `000000000139-4`)."""
        stem = self.id.removeprefix("coco-").split("-")[0]
        return int(stem) if stem.isdigit() and (self.box or self.id.startswith("coco-")) else None

    def open(self) -> Pillow.Image:
        """The picture as RGB, cropped to its box; alpha stays for the caller to lay on a ground."""
        picture: Pillow.Image = Pillow.open(io.BytesIO(self.image))
        picture = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB")
        return picture.crop(self.box) if self.box else picture


_SMALLEST, _COVERED = 48, 0.6
Sets = dict[str, list[Pictured]]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a parquet file as dictionaries, a batch in memory at a time."""
    with open_parquet(path) as file:
        for batch in file.iter_batches(256):
            yield from batch.to_pylist()


def captions(path: Path) -> list[Pictured]:
    """`flickr8k-*` and `captions-*`: pictures with several sentences each."""
    return [
        Pictured(
            r["id"],
            r["image"],
            r["captions_en"],
            r["captions_zh"],
            r.get("captions_zh_mt") or [],
        )
        for r in rows(path)
    ]


def named(path: Path) -> list[Pictured]:
    """`tiny-imagenet-*`, `objects-*`, `emoji`: pictures of one thing, named in both languages."""
    return [Pictured(r["id"], r["image"], [r["name"]], [r["name_zh"]]) for r in rows(path)]


def crops(path: Path) -> list[Pictured]:
    """`boxes-*`: one crop a box, with a tenth of its size around it.

    Left out are boxes with a side under 48 pixels and those that another box covers by more than
    0.6: what the crop shows would not be what its name says.
    """
    found = []
    for r in rows(path):
        boxes = np.asarray(r["boxes"], np.float64).reshape(-1, 4)
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        width, height = Pillow.open(io.BytesIO(r["image"])).size
        for i, (_, _, w, h) in enumerate(boxes):
            shared = np.clip(np.minimum(high, high[i]) - np.maximum(low, low[i]), 0, None).prod(1)
            shared[i] = 0
            if min(w, h) < _SMALLEST or shared.max() > _COVERED * w * h:
                continue
            left, top = np.maximum(low[i] - 0.1 * boxes[i, 2:], 0)
            right, bottom = np.minimum(high[i] + 0.1 * boxes[i, 2:], (width, height))
            name = [r["names"][i]], [r["names_zh"][i]]
            found.append(
                Pictured(f"{r['id']}-{i}", r["image"], *name, box=(left, top, right, bottom))
            )
    return found


def sentences(path: Path, count: int, seed: int) -> list[str]:
    """`count` texts of `text-emotion-train`, half English and half Chinese, drawn with `seed`."""
    told = {(row["language"], row["text"]) for row in table_rows(path, ("language", "text"))}
    chance = np.random.default_rng(seed)
    drawn: list[str] = []
    for language in ("en", "zh"):
        texts = sorted(text for of, text in told if of == language)
        drawn += [texts[i] for i in chance.permutation(len(texts))[: count // 2]]
    return drawn


def class_names(path: Path) -> list[tuple[str, str]]:
    """`imagenet_names.tsv`: English and Chinese names of ImageNet's classes, in the usual order."""
    return [tuple(line.split("\t")) for line in path.read_text("utf-8").splitlines()]  # type: ignore[misc]


def coco_numbers(objects: Path) -> set[int]:
    """COCO's numbers of the pictures that `objects-val` shows; recipes leave them out."""
    return {int(str(r["id"]).split("-")[0]) for r in rows(objects)}


def media_numbers(labels: Path) -> set[int]:
    """COCO picture numbers among the pictures of a media folder."""
    sources = [json.loads(line)["source"] for line in labels.read_text("utf-8").splitlines()]
    stems = [s.rsplit("/", 1)[-1].split(".")[0] for s in sources]
    return {int(s) for s in stems if s.isdigit() and len(s) == 12}


def gather(data: Path) -> Sets:
    """The recipe's pictures by set, without those that the sets to choose on also show."""
    shown: set[int] = set()
    if (objects := data / "objects-val.parquet").is_file():
        shown |= coco_numbers(objects)
    if (labels := data / "media" / "labels.jsonl").is_file():
        shown |= media_numbers(labels)

    def unseen(items: list[Pictured]) -> list[Pictured]:
        return [one for one in items if one.coco not in shown]

    return {
        "flickr8k": captions(data / "flickr8k-train.parquet"),
        "captions": unseen(captions(data / "captions-train.parquet")),
        "boxes": unseen(crops(data / "boxes-train.parquet")),
        "emoji": named(data / "emoji.parquet"),
        "tiny": named(data / "tiny-imagenet-train.parquet"),
    }

"""COCO captions (2014 or 2017), with the Chinese ones of COCO-CN where they are at hand.

The folder holds, as unpacked from cocodataset.org:

    train2017/, val2017/ (or train2014/, val2014/)      the photos
    annotations/captions_train2017.json, captions_val2017.json
    imageid.human-written-caption.txt                   optional, of COCO-CN:
                                                        COCO_val2014_000000123456#0<tab>caption

A split whose photos or captions are missing is left out. Columns: id, image, captions_en,
captions_zh, split (train, val). Lin et al., ECCV 2014; Chen et al., arXiv 1504.00325; Li et al.,
T-MM 2019. Annotations are CC BY 4.0, the photos their Flickr owners'.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from sensorium.errors import InputError, NotFound
from sensorium.train.pair import Bad
from sensorium.train.prepare import Row, needed, tidy

COLUMNS = {"captions_en": "texts", "captions_zh": "texts"}
_CHINESE = re.compile(r"\D*\d{4}_0*(?P<number>\d+)(?:#\w+)*\s+(?P<text>.+)")


def read(folder: Path) -> Iterator[Row | Bad]:
    """Rows by split, in order of the photos' numbers."""
    chinese = _chinese(folder)
    found = False
    for split in ("train", "val"):
        for year in ("2017", "2014"):
            try:
                photos = needed(folder, f"{split}{year}")
                told = needed(folder, f"annotations/captions_{split}{year}.json")
            except NotFound:
                continue
            found = True
            yield from _rows(photos, told, split, chinese)
            break
    if not found:
        raise NotFound(
            f"{folder} has no photos with captions",
            why="train2017/ with annotations/captions_train2017.json, or val2017, or of 2014",
        )


def _rows(
    photos: Path, told: Path, split: str, chinese: dict[int, list[str]]
) -> Iterator[Row | Bad]:
    try:
        data = json.loads(told.read_text("utf-8"))
        names = {int(one["id"]): str(one["file_name"]) for one in data["images"]}
        captions: dict[int, list[str]] = {}
        for one in data["annotations"]:
            captions.setdefault(int(one["image_id"]), []).append(tidy(one["caption"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{told} is not COCO's", f"{type(error).__name__}: {error}") from error
    for number in sorted(names):
        path = photos / names[number]
        english = [text for text in captions.get(number, []) if text]
        if not english:
            yield Bad(str(path), "it has no caption")
        elif not path.is_file():
            yield Bad(str(path), "the photo is missing")
        else:
            values = {"captions_en": english, "captions_zh": chinese.get(number, [])}
            yield Row(f"coco-{number:012}", path, split, values)


def _chinese(folder: Path) -> dict[int, list[str]]:
    try:
        path = needed(folder, "imageid.human-written-caption.txt")
    except NotFound:
        return {}
    found: dict[int, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        match = _CHINESE.match(line)
        if match:
            found.setdefault(int(match["number"]), []).append(tidy(match["text"]))
    return found

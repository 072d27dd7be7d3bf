"""Flickr8k with the Chinese captions of Flickr8k-CN: 8,000 photos, people and dogs in action.

The folder holds, in any of the layouts in which the set goes round:

    Images/ or Flicker8k_Dataset/    the photos
    Flickr8k.token.txt               name.jpg#0<tab>caption     (or captions.txt: image,caption)
    Flickr_8k.trainImages.txt, .devImages.txt, .testImages.txt  the official split
    flickr8kzhc.caption.txt          optional, of Flickr8k-CN: name.jpg#zhc#0 caption
    flickr8kzhb.caption.txt          optional, its machine translation of the English captions

Columns: id, image, captions_en, captions_zh, captions_zh_mt, split (train, val, test).
Hodosh, Young, Hockenmaier, JAIR 47 (2013); Li, Lan, Dong, Liu, ICMR 2016. The photos are their
Flickr owners'; the set was given out for research and education.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sensorium.errors import NotFound
from sensorium.media.encoding import decode_text
from sensorium.train.pair import Bad
from sensorium.train.prepare import Row, needed, tidy

COLUMNS = {"captions_en": "texts", "captions_zh": "texts", "captions_zh_mt": "texts"}
_LINE = re.compile(r"(?P<name>[^\s,#]+\.jpg)(?:\.\d)?(?:#\w+)*[\s,]+(?P<text>.*)", re.I)
_SPLITS = {"train": "train", "val": "dev", "test": "test"}


def read(folder: Path) -> Iterator[Row | Bad]:
    """Rows in order of id."""
    photos = needed(folder, "Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset")
    english = _captions(
        needed(folder, "Flickr8k.token.txt", "captions.txt", "flickr8kenc.caption.txt")
    )
    chinese = _optional(folder, "flickr8kzhc.caption.txt")
    translated = _optional(folder, "flickr8kzhb.caption.txt", "flickr8kzhb.caption.txt.v20160815")
    split = _split(folder)
    for name in sorted(english):
        if name not in split:
            yield Bad(name, "it is in none of the official splits")
        elif not (photos / name).is_file():
            yield Bad(str(photos / name), "the photo is missing")
        else:
            values = {
                "captions_en": english[name],
                "captions_zh": chinese.get(name, []),
                "captions_zh_mt": translated.get(name, []),
            }
            yield Row(name.removesuffix(".jpg"), photos / name, split[name], values)


def _captions(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in decode_text(path.read_bytes(), str(path)).splitlines():
        match = _LINE.match(line.strip())
        if match and tidy(match["text"]):
            text = tidy(match["text"])
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            found.setdefault(match["name"], []).append(
                text[1:-1].replace('""', '"') if quoted else text
            )
    return found


def _optional(folder: Path, *names: str) -> dict[str, list[str]]:
    try:
        return _captions(needed(folder, *names))
    except NotFound:
        return {}


def _split(folder: Path) -> dict[str, str]:
    """Name of a photo → split, of the original's lists or of Flickr8k-CN's."""
    found = {}
    for split, word in _SPLITS.items():
        path = needed(folder, f"Flickr_8k.{word}Images.txt", f"flickr8k{split}.txt")
        for name in path.read_text("utf-8").split():
            found[name if name.endswith(".jpg") else f"{name}.jpg"] = split
    return found

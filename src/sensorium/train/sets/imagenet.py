"""ImageNet and sets laid out like it (Tiny ImageNet, any folder a class): pictures with a name.

The folder holds

    train/CLASS/…   val/CLASS/…      pictures, a folder a class
    words.txt or LOC_synset_mapping.txt    optional: n01443537 goldfish, Carassius auratus
    names_zh.txt                     optional: n01443537<tab>金鱼
    val/val_annotations.txt          of Tiny ImageNet, where val/images/ has no folders:
                                     val_0.JPEG<tab>n01443537<tab>…

Without train/ and val/ every sub-folder is a class and all rows are `train`. Columns: id, image,
wnid (the folder's name), name (the first word for it), name_zh, split. Deng et al., CVPR 2009;
Le and Yang 2015. ImageNet's terms allow non-commercial research and teaching only.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sensorium.errors import NotFound
from sensorium.media.folder import Found, walk
from sensorium.media.kind import Kind
from sensorium.train.pair import Bad
from sensorium.train.prepare import Row, needed, tidy

COLUMNS = {"wnid": "text", "name": "text", "name_zh": "text"}


def read(folder: Path) -> Iterator[Row | Bad]:
    """Rows by split and class."""
    english = _names(folder, "LOC_synset_mapping.txt", "words.txt")
    chinese = _names(folder, "names_zh.txt")
    parts = [(folder / split, split) for split in ("train", "val") if (folder / split).is_dir()]
    for part, split in parts or [(folder, "train")]:
        labels = _annotations(part)
        for found in walk([part]):
            if not isinstance(found, Found) or found.kind is not Kind.IMAGE:
                continue
            wnid = labels.get(found.path.name) or _class_of(found.path, part)
            if not wnid:
                yield Bad(str(found.path), "it lies in the folder of no class")
                continue
            name = english.get(wnid, wnid.replace("_", " "))
            values = {"wnid": wnid, "name": name, "name_zh": chinese.get(wnid)}
            yield Row(found.path.stem, found.path, split, values)


def _class_of(path: Path, part: Path) -> str:
    """The first folder below the split's; `train/n01443537/images/x.JPEG` has one more."""
    inner = path.relative_to(part).parts
    return inner[0] if len(inner) > 1 and inner[0] != "images" else ""


def _annotations(part: Path) -> dict[str, str]:
    path = part / "val_annotations.txt"
    if not path.is_file():
        return {}
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _names(folder: Path, *files: str) -> dict[str, str]:
    """Class → the first of its names."""
    try:
        path = needed(folder, *files)
    except NotFound:
        return {}
    found = {}
    for line in path.read_text("utf-8").splitlines():
        wnid, _, names = line.strip().partition(" " if "\t" not in line else "\t")
        if names:
            found[wnid] = tidy(re.split(r"[,，;]", names)[0])
    return found

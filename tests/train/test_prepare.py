"""Originals laid out as they are given out, very small, and what becomes of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

pq = pytest.importorskip("pyarrow.parquet")
from sensorium.errors import InputError, NotFound  # noqa: E402
from sensorium.train.data import read_pairs  # noqa: E402
from sensorium.train.prepare import SETS, Prepared, prepare  # noqa: E402

Draw = Callable[[int], bytes]


def prepared(name: str, folder: Path, out: Path) -> Prepared:
    events = prepare(name, folder, out)
    while True:
        try:
            next(events)
        except StopIteration as end:
            told = end.value
            assert isinstance(told, Prepared)
            return told


def rows(out: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / f"{name}.parquet").to_pylist()
    return found


def put(folder: Path, files: Mapping[str, bytes | str]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())


def test_flickr8k(tmp_path: Path, draw: Draw) -> None:
    files: dict[str, bytes | str] = {f"Images/{n}.jpg": draw(n) for n in range(4)}
    files["Images/5.jpg"] = b"broken"
    lines = [f"{n}.jpg#{k}\tA  square {k} ." for n in (0, 1, 2, 3, 4, 5) for k in range(2)]
    files["text/Flickr8k.token.txt"] = "\n".join(lines)
    files["text/Flickr_8k.trainImages.txt"] = "0.jpg\n1.jpg\n4.jpg\n5.jpg\n"
    files["text/Flickr_8k.devImages.txt"] = "2.jpg\n"
    files["text/Flickr_8k.testImages.txt"] = ""
    files["flickr8kzhc.caption.txt"] = "0.jpg#zhc#0 方块\n0.jpg#zhc#1 红色方块"
    put(tmp_path, files)
    told = prepared("flickr8k", tmp_path, tmp_path / "out")
    train, val = rows(tmp_path / "out", "flickr8k-train"), rows(tmp_path / "out", "flickr8k-val")
    assert [row["id"] for row in train] == ["0", "1"]
    assert train[0]["captions_en"] == ["A square 0 .", "A square 1 ."]
    assert train[0]["captions_zh"] == ["方块", "红色方块"]
    assert train[0]["image"] == draw(0)
    assert [row["id"] for row in val] == ["2"]
    assert list(told.rows.values()) == [2, 1]
    whys = [str(bad).replace("\\", "/") for bad in told.bad]
    assert "3.jpg: it is in none of the official splits" in whys
    assert any("4.jpg: the photo is missing" in why for why in whys)
    assert any("Images/5.jpg" in why and "no picture" in why for why in whys)
    pairs = read_pairs(tmp_path / "out")
    assert sorted(pair.split for pair in pairs) == ["train", "train", "val"]


def test_flickr8k_as_a_table(tmp_path: Path, draw: Draw) -> None:
    lists: dict[str, bytes | str] = {
        f"flickr8k{s}.txt": n for s, n in (("train", "0"), ("val", ""), ("test", ""))
    }
    table = 'image,caption\n0.jpg,"A dog, running ."\n'
    put(tmp_path, lists | {"Images/0.jpg": draw(0), "captions.txt": table})
    prepared("flickr8k", tmp_path, tmp_path / "out")
    assert rows(tmp_path / "out", "flickr8k-train")[0]["captions_en"] == ["A dog, running ."]


def test_coco(tmp_path: Path, draw: Draw) -> None:
    for split, numbers in (("train", (9, 25)), ("val", (30,))):
        told = {
            "images": [{"id": n, "file_name": f"{n:012}.jpg"} for n in numbers],
            "annotations": [{"image_id": n, "caption": f"Number {n}.\n"} for n in numbers],
        }
        put(tmp_path, {f"annotations/captions_{split}2017.json": json.dumps(told)})
        put(tmp_path, {f"{split}2017/{n:012}.jpg": draw(n) for n in numbers if n != 25})
    chinese = "COCO_val2014_000000000030#0\t第三十\n"
    put(tmp_path, {"coco-cn/imageid.human-written-caption.txt": chinese})
    bad = prepared("coco", tmp_path, tmp_path / "out").bad
    (train,) = rows(tmp_path / "out", "coco-train")
    (val,) = rows(tmp_path / "out", "coco-val")
    assert (train["id"], train["captions_en"]) == ("coco-000000000009", ["Number 9."])
    assert val["captions_zh"] == ["第三十"]
    assert [one.why for one in bad] == ["the photo is missing"]


def test_imagenet(tmp_path: Path, draw: Draw) -> None:
    put(
        tmp_path,
        {
            "train/n01/images/n01_1.JPEG": draw(0),
            "train/n02/images/n02_1.JPEG": draw(1),
            "val/images/val_0.JPEG": draw(2),
            "val/images/val_1.JPEG": draw(3),
            "val/val_annotations.txt": "val_0.JPEG\tn02\t0\t0\t9\t9\n",
            "words.txt": "n01\tgoldfish, Carassius auratus\nn02\tzebra\n",
            "names_zh.txt": "n01\t金鱼\n",
        },
    )
    told = prepared("imagenet", tmp_path, tmp_path / "out")
    train = rows(tmp_path / "out", "imagenet-train")
    assert [(r["id"], r["wnid"], r["name"], r["name_zh"]) for r in train] == [
        ("n01_1", "n01", "goldfish", "金鱼"),
        ("n02_1", "n02", "zebra", None),
    ]
    (val,) = rows(tmp_path / "out", "imagenet-val")
    assert (val["id"], val["name"]) == ("val_0", "zebra")
    assert len(told.bad) == 1
    pairs = read_pairs(tmp_path / "out" / "imagenet-train.parquet")
    assert pairs[0].captions == {"en": ("goldfish",), "zh": ("金鱼",)}


def test_a_folder_a_class(tmp_path: Path, draw: Draw) -> None:
    put(tmp_path / "in", {"police_dog/1.png": draw(0), "cat/2.png": draw(1)})
    prepared("imagenet", tmp_path / "in", tmp_path / "out")
    names = [row["name"] for row in rows(tmp_path / "out", "imagenet-train")]
    assert names == ["cat", "police dog"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Flicker8k_Dataset"):
        prepared("flickr8k", tmp_path, tmp_path / "out")
    with pytest.raises(NotFound, match="no photos"):
        prepared("coco", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="nothing of imagenet"):
        prepared("imagenet", tmp_path, tmp_path / "out")
    with pytest.raises(NotFound, match="there is no “nonsense”"):
        prepared("nonsense", tmp_path, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_what_it_needs(name: str) -> None:
    assert "Columns: id, image," in SETS[name].help
    assert all(column in SETS[name].help for column in SETS[name].columns)

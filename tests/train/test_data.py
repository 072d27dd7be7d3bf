import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sensorium.errors import InputError, NotFound
from sensorium.train.data import Pairs, read_pairs, read_parts
from sensorium.train.pair import Pair

Draw = Callable[[int], bytes]
Say = Callable[[int], tuple[str, str]]


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(draw(number))
    return tmp_path


def texts(pairs: Pairs) -> dict[str, dict[str, tuple[str, ...]]]:
    return {pair.id: dict(pair.captions) for pair in pairs}


def whys(pairs: Pairs) -> list[str]:
    return [str(bad).replace("\\", "/").rpartition("/")[2] for bad in pairs.bad]


def readable(pairs: Pairs) -> bool:
    return all(pair.picture(8).pixels.shape == (24, 24, 3) for pair in pairs)


@pytest.mark.parametrize(
    "line",
    ["{}.png,{}", '{}.png,"{}"', "{}.png\t{}", "{}.png#0\t{}", "{}.png#enc#1 {}"],
    ids=["comma", "quoted", "tab", "numbered", "flickr8k-cn"],
)
def test_captions_file_in_the_ways_it_is_written(folder: Path, line: str) -> None:
    lines = [line.format(0, "a red square, small"), line.format(1, "绿色方块")]
    (folder / "captions.txt").write_text("\n".join(lines), "utf-8")
    pairs = read_pairs(folder)
    assert texts(pairs) == {"0": {"en": ("a red square, small",)}, "1": {"zh": ("绿色方块",)}}
    assert readable(pairs)


def test_captions_file_with_a_head_and_several_a_picture(folder: Path) -> None:
    (folder / "captions.txt").write_text("image,caption\n0.png,one\n0.png,two\n0.png,三\n", "utf-8")
    assert texts(read_pairs(folder)) == {"0": {"en": ("one", "two"), "zh": ("三",)}}


def test_captions_file_names_bad_lines(folder: Path) -> None:
    (folder / "captions.txt").write_text("0.png,fine\nnonsense\n1.png,\n9.png,gone\n", "utf-8")
    pairs = read_pairs(folder)
    assert list(texts(pairs)) == ["0"]
    assert whys(pairs)[0].startswith("captions.txt, line 2: it names no picture")
    assert "captions.txt, line 3: the caption of 1.png is empty" in whys(pairs)
    assert any("line 4: 9.png does not exist" in str(bad) for bad in pairs.bad)


def test_texts_beside_pictures(folder: Path) -> None:
    (folder / "0.txt").write_text("a red square\nred\n", "utf-8")
    (folder / "0.zh.txt").write_text("红色方块\n", "utf-8")
    (folder / "1.txt").write_text("\n", "utf-8")
    pairs = read_pairs(folder)
    assert texts(pairs) == {"0": {"en": ("a red square", "red"), "zh": ("红色方块",)}, "2": {}}
    assert whys(pairs) == ["1.png: 1.txt is empty"]


def test_a_sub_folder_a_class(tmp_path: Path, draw: Draw) -> None:
    for number, name in enumerate(["police_dog", "cat", "cat"]):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{number}.png").write_bytes(draw(number))
    assert texts(read_pairs(tmp_path)) == {
        "cat/1": {"en": ("cat",)},
        "cat/2": {"en": ("cat",)},
        "police_dog/0": {"en": ("police dog",)},
    }


def test_json_lines(folder: Path) -> None:
    rows = [
        {"image": "0.png", "caption": "one"},
        {"file_name": "1.png", "text": ["two", "二"], "id": "second", "split": "validation"},
        {"image": "2.png", "captions_en": [], "captions_zh": [" "]},
        {"image": "7.png", "caption": "gone"},
        {"image": "2.png"},
        {"image": "2.png", "caption": 3},
    ]
    words = "\n".join([*map(json.dumps, rows), "{broken", "[]"])
    (folder / "rows.jsonl").write_text(words, "utf-8")
    pairs = read_pairs(folder)
    assert texts(pairs) == {"0": {"en": ("one",)}, "second": {"en": ("two",), "zh": ("二",)}}
    assert [pair.split for pair in pairs] == ["", "val"]
    lines = [re.search(r"rows\.jsonl, (line \d)", str(bad)) for bad in pairs.bad]
    assert [line and line[1] for line in lines] == [f"line {n}" for n in range(3, 9)]


def test_parquet(tmp_path: Path, draw: Draw) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = {
        "id": [f"p{n}" for n in range(5)],
        "image": [draw(n) for n in range(4)] + [b"no picture"],
        "captions_en": [["one", "uno"], ["two"], [], ["four"], ["five"]],
        "captions_zh_mt": [["一"], [], [], [], []],
        "split": ["train", "val", "train", "test", "train"],
    }
    pq.write_table(pa.table(table), tmp_path / "set.parquet", row_group_size=2)
    pairs = read_pairs(tmp_path / "set.parquet")
    assert texts(pairs)["p0"] == {"en": ("one", "uno"), "zh_mt": ("一",)}
    assert whys(pairs) == ["set.parquet, row 2: it has no caption"]
    assert pairs.blocks == [2, 1, 1]
    train, val = pairs.split()
    assert [pair.id for pair in train] == ["p0", "p4"]
    assert [pair.id for pair in val] == ["p1"]
    assert readable(val)
    with pytest.raises(InputError, match=r"set\.parquet, row 4.*no picture"):
        train[1].picture()


def test_parquet_of_the_hub_holds_structs(tmp_path: Path, draw: Draw) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = {"image": [{"bytes": draw(0), "path": "x.png"}], "text": ["red"]}
    pq.write_table(pa.table(table), tmp_path / "train-00000-of-00001.parquet")
    pairs = read_pairs(tmp_path)
    assert [pair.texts for pair in pairs] == [("red",)]
    assert readable(pairs)


def shard(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_webdataset_shards(tmp_path: Path, draw: Draw) -> None:
    shard(
        tmp_path / "00.tar",
        {
            "a/1.jpg": draw(0),
            "a/1.txt": b"red",
            "a/1.json": b'{"caption": "again", "id": 7}',
            "a/2.png": draw(1),
            "a/2.json": json.dumps({"caption": "绿"}).encode(),
            "a/3.txt": b"lonely",
        },
    )
    shard(tmp_path / "01.tar", {"4.png": draw(2), "4.json": b"{", "5.png": draw(2), "5.txt": b"x"})
    pairs = read_pairs(tmp_path)
    assert texts(pairs) == {"7": {"en": ("red",)}, "a/2": {"zh": ("绿",)}, "5": {"en": ("x",)}}
    assert len(pairs.bad) == 2
    assert "00.tar, a/3: it has no picture" in str(pairs.bad[0])
    assert "01.tar, 4: its json is broken" in str(pairs.bad[1])
    assert readable(pairs)


def test_hugging_face_data_sets(tmp_path: Path, draw: Draw) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"image": [{"bytes": draw(n), "path": None} for n in range(3)], "text": ["a", "", "c"]}
    data = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    datasets.DatasetDict({"train": data, "validation": data.select([0])}).save_to_disk(tmp_path)
    pairs = read_pairs(tmp_path)
    assert [pair.split for pair in pairs] == ["train", "train", "val"]
    assert len(pairs.bad) == 1
    assert "train, row 1: it has no caption" in str(pairs.bad[0])
    assert readable(pairs)


def test_content_tells_what_a_file_is(folder: Path) -> None:
    (folder / "words.dat").write_text("0.png\tred\n", "utf-8")
    assert len(read_pairs(folder / "words.dat")) == 1
    (folder / "rows.dat").write_text('{"image": "0.png", "caption": "red"}\n', "utf-8")
    assert len(read_pairs(folder / "rows.dat")) == 1
    (folder / "bytes.dat").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="no data that we read"):
        read_pairs(folder / "bytes.dat")


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to train on"):
        read_pairs(tmp_path)
    with pytest.raises(NotFound):
        read_pairs(tmp_path / "gone")


def test_a_share_is_held_out_where_the_data_names_no_split() -> None:
    pairs = Pairs([Pair(f"{n}", "", b"", {}) for n in range(2000)])
    train, val = pairs.split()
    assert len(train) + len(val) == 2000
    assert 60 < len(val) < 140
    again, _ = Pairs(list(reversed(pairs.pairs))).split()
    assert {pair.id for pair in again} == {pair.id for pair in train}


def test_of_a_few_pairs_one_at_least_is_held_out() -> None:
    for count in range(2, 60):
        train, val = Pairs([Pair(f"{n}", "", b"", {}) for n in range(count)]).split()
        assert 1 <= len(val) <= 1 + count // 5
        assert len(train) + len(val) == count


def test_a_part_that_is_empty_is_told_before_a_run_begins(folder: Path) -> None:
    with pytest.raises(InputError, match="nothing is said of the pictures") as bare:
        read_parts([str(folder)])
    assert bare.value.why == "2 pictures, and no caption"
    (folder / "captions.txt").write_text("0.png,red\n", "utf-8")
    with pytest.raises(InputError, match="nothing to validate on") as alone:
        read_parts([str(folder)])
    assert alone.value.hint == "--val DATA"
    rows = '{"image": "0.png", "caption": "red", "split": "val"}\n'
    (folder / "held.jsonl").write_text(rows, "utf-8")
    with pytest.raises(InputError, match="nothing to train on") as held:
        read_parts([str(folder / "held.jsonl")])
    assert "all marked as val or test" in held.value.why
    train, val = read_parts([str(folder)], [str(folder / "held.jsonl")])
    assert len(train) == len(val) == 1

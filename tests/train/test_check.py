import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sensorium.train.check import Report, check, samples
from sensorium.train.data import read_pairs

Draw = Callable[[int], bytes]


def report(*data: Path, val: tuple[Path, ...] = ()) -> Report:
    events = check([str(one) for one in data], [str(one) for one in val])
    seen = 0
    while True:
        try:
            assert next(events).done == (seen := seen + 1)
        except StopIteration as end:
            found = end.value
            assert isinstance(found, Report)
            return found


def scene(seed: int, side: int = 64, quality: int = 90) -> bytes:
    """Something with a structure, as a JPEG."""
    grid = np.random.default_rng(seed).integers(0, 255, (5, 5, 3)).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(grid).resize((side, side), 3).save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(scene(number))
        rows.append(f"{number}.jpg,a scene of number {number}")
    (tmp_path / "captions.txt").write_text("\n".join(rows), "utf-8")
    return tmp_path


def append(folder: Path, *rows: str) -> None:
    path = folder / "captions.txt"
    path.write_text("\n".join([path.read_text("utf-8"), *rows]), "utf-8")


def test_nothing_is_wrong(folder: Path) -> None:
    found = report(folder)
    assert found.findings == ()
    assert found.pairs == 6
    assert found.captions == {"en": 6}
    assert found.splits == {"train": 5, "val": 1}  # as a run divides what is not divided
    assert found.median == (64, 64)


def test_every_kind_is_found(folder: Path) -> None:
    (folder / "again.jpg").write_bytes(scene(2, side=80, quality=60))
    (folder / "broken.jpg").write_bytes(scene(9)[:200])
    (folder / "tiny.jpg").write_bytes(scene(11, side=20))
    append(folder, "again.jpg,the same", "broken.jpg,cut off", "tiny.jpg,tiny")
    append(folder, "gone.jpg,gone", "1.jpg,A scene of number 1")
    kinds = {one.kind: one for one in report(folder).findings}
    assert set(kinds) == {"duplicate", "unreadable", "small", "unusable", "repeated"}
    assert kinds["duplicate"].where.endswith("line 7")
    assert kinds["duplicate"].why.endswith("line 3")
    assert "cut off" in kinds["unreadable"].why
    assert kinds["small"].why == "20 × 20 pixels"
    assert "gone.jpg does not exist" in kinds["unusable"].why


def test_leaks_between_parts(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    held = tmp_path_factory.mktemp("held")
    (held / "x.jpg").write_bytes(scene(3, side=72))
    (held / "y.jpg").write_bytes(scene(30))
    (held / "captions.txt").write_text("x.jpg,a scene of number 0\ny.jpg,new", "utf-8")
    found = report(folder, val=(held,))
    (leak,) = found.findings
    assert leak.kind == "leaked"
    assert leak.where.startswith(str(held))
    assert "(train)" in leak.why
    assert found.common == 1
    assert found.splits == {"train": 6, "val": 2}


def test_leaks_into_the_part_that_a_run_holds_out(folder: Path) -> None:
    (held,) = (pair.id for pair in read_pairs(folder).split()[1])
    (folder / "twin.jpg").write_bytes(scene(int(held), side=80))
    append(folder, "twin.jpg,the same")
    (leak,) = report(folder).findings
    assert leak.kind == "leaked"
    assert leak.why.endswith("(val)")


def test_flat_pictures_are_twins_only_of_their_own_shade(tmp_path: Path) -> None:
    for name, shade in (("a", 20), ("b", 200), ("c", 22)):
        Image.new("RGB", (40, 40), (shade, shade, shade)).save(tmp_path / f"{name}.png")
    (found,) = report(tmp_path).findings
    assert found.where.endswith("c.png")
    assert "a.png" in found.why


def test_samples_are_spread_over_the_data(folder: Path) -> None:
    found = samples([str(folder)], 3)
    assert [pair.id for pair, _ in found] == ["0", "2", "5"]
    assert found[0][1].shape == (64, 64, 3)

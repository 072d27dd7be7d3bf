"""What is no table, or not the one that is asked for, is said in one line by every reader."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sensorium.errors import InputError

pytest.importorskip("torch")
pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

from sensorium.train import pictured  # noqa: E402
from sensorium.train.expressions import read_expressions  # noqa: E402
from sensorium.train.face_data import read_portraits, read_scenes  # noqa: E402
from sensorium.train.voices import read_voices  # noqa: E402

Reader = Callable[[Path], object]
READERS: dict[str, Reader] = {
    "captions": pictured.captions,
    "sentences": lambda path: pictured.sentences(path, 10, 0),
    "expressions": read_expressions,
    "portraits": read_portraits,
    "scenes": lambda path: list(read_scenes(path, 10, 0)),
    "voices": lambda path: list(read_voices(path, [])),
}
WITH_NEEDED = [name for name in READERS if name not in ("captions", "scenes")]


@pytest.mark.parametrize("name", READERS)
def test_a_picture_is_no_table(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / "photo.jpg"
    wrong.write_bytes(b"\xff\xd8\xff\xe0 not a table")
    with pytest.raises(InputError, match=r"photo\.jpg is no parquet file"):
        READERS[name](wrong)


@pytest.mark.parametrize("name", WITH_NEEDED)
def test_a_column_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"other": [1, 2]}), wrong)
    with pytest.raises(InputError, match=r"other\.parquet has no column "):
        READERS[name](wrong)

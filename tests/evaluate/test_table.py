import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.evaluate import EVALUATIONS, Table

Write = Callable[..., Path]


def test_rows_come_in_order_with_the_columns_asked_for(write: Write) -> None:
    table = Table.of(write(id=["a", "b", None], image=[b"1", b"2", b"3"], other=[1, 2, 3]))
    rows = list(table.rows(["image"], ["id", "absent"]))
    assert [row.values for row in rows] == [
        {"image": b"1", "id": "a"},
        {"image": b"2", "id": "b"},
        {"image": b"3", "id": None},
    ]
    assert [row.name for row in rows] == ["row 0 (a)", "row 1 (b)", "row 2"]
    assert len(table) == 3


def test_a_missing_column_is_named_before_reading(write: Write) -> None:
    table = Table.of(write(id=["a"], image=[b"1"]))
    with pytest.raises(InputError, match="no column name") as caught:
        table.rows(["image", "name"])
    assert caught.value.why == "its columns are id, image"


def test_what_is_no_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "notes.parquet").write_text("not parquet")
    with pytest.raises(InputError, match="no parquet file"):
        Table.of(tmp_path / "notes.parquet")
    with pytest.raises(NotFound):
        Table.of(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match="is a folder"):
        Table.of(tmp_path)


def test_without_pyarrow_the_hint_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SensoriumError, match="pyarrow") as caught:
        Table.of(tmp_path / "data.parquet")
    assert caught.value.hint == 'pip install "sensorium[data]"'


@pytest.mark.parametrize("name", EVALUATIONS)
def test_every_evaluation_takes_a_table_and_says_what_it_does(name: str) -> None:
    evaluation = EVALUATIONS[name]
    assert evaluation.name == name
    ((kind,),) = [item.kinds for item in evaluation.items]
    assert kind is Table or name == "fusion"  # one table a kind of sign
    assert evaluation.summary.endswith("?") or evaluation.summary.endswith(".")
    assert all(option.help for option in evaluation.options)

"""Parquet: one row a picture, its encoded bytes in the table (the project's data files, the Hub's).

A row group is read at once and a few are kept, so a feed draws from near rows (see `data.order`).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, SensoriumError
from sensorium.train.pair import Bad, Pair
from sensorium.train.readers.columns import FILES, IDS, IMAGES, caption_columns, image_file, pair_of

_AT_ONCE = 256  # rows of a table that are read together
KEPT = 8
"""Row groups whose pictures are kept in memory."""


class Pictures:
    """The picture column of a file, a row group at a time; safe to read from several threads."""

    def __init__(self, path: Path, column: str) -> None:
        self.path = path
        self._column = column
        self._file = open_parquet(path)
        self._kept: OrderedDict[int, list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, group: int, row: int) -> bytes:
        with self._lock:
            if group not in self._kept:
                table = self._file.read_row_group(group, columns=[self._column])
                self._kept[group] = table.column(0).to_pylist()
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            value = self._kept[group][row]
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise InputError(f"{self.path}, group {group}, row {row}", "it has no picture")
        return data


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture of a table."""

    pictures: Pictures
    group: int
    row: int

    def read(self) -> bytes:
        return self.pictures.read(self.group, self.row)


def read_parquet(path: Path) -> Iterator[Pair | Bad]:
    """Rows with their pictures left in the file; numbers in messages count from 0."""
    file = open_parquet(path)
    schema = file.schema_arrow
    column = next((name for name in IMAGES if name in schema.names and _binary(schema, name)), "")
    named = next((name for name in FILES if name in schema.names and name != column), "")
    columns = caption_columns(schema.names)
    if not column and not named and not columns:
        raise InputError(f"{path} has no pictures", f"its columns are {', '.join(schema.names)}")
    pictures = Pictures(path, column) if column else None
    wanted = [
        n for n in schema.names if n in {*columns, *IDS, "split", *([] if column else [named])}
    ]
    number = 0
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group, columns=wanted).to_pylist() if wanted else []
        rows = rows or [{} for _ in range(file.metadata.row_group(group).num_rows)]
        for row, values in enumerate(rows):
            where = f"{path}, row {number}"
            cell = Cell(pictures, group, row) if pictures else None
            yield pair_of(
                values,
                columns,
                where,
                lambda cell=cell, values=values: (  # type: ignore[misc]
                    cell or (image_file(path.parent, values.get(named)) if named else b"")
                ),
                f"{path.stem}-{number}",
            )
            number += 1


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows with these columns, some in memory at a time. Raises as `open_parquet` does, and
    InputError where a column is missing."""
    with open_parquet(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            why = f"its columns are {', '.join(file.schema_arrow.names)}"
            raise InputError(f"{path} has no column {', '.join(missing)}", why)
        for batch in file.iter_batches(_AT_ONCE, columns=list(columns)):
            yield from batch.to_pylist()


def _binary(schema: Any, name: str) -> bool:
    """Bytes, or the Hub's struct of bytes and path."""
    kind = str(schema.field(name).type)
    return "binary" in kind


def open_parquet(path: Path) -> Any:
    """pyarrow's ParquetFile. Raises SensoriumError without pyarrow, InputError for another file."""
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError as error:
        raise SensoriumError(
            f"{path} cannot be read here",
            why="parquet files need pyarrow",
            hint='pip install "sensorium[train]"',
        ) from error
    try:
        return ParquetFile(path)
    except (ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is no parquet file", str(error)) from error

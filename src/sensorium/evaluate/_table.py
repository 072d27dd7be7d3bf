"""Table: a data file, read a few rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, NotFound, SensoriumError

_AT_ONCE = 64  # rows; a row may hold a photo of megabytes


@dataclass(frozen=True)
class Row:
    """number: its place in the file, from 0. values: by column; a column that the file lacks is
    absent."""

    number: int
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """How messages call it."""
        own = self.values.get("id")
        return f"row {self.number}" if own is None else f"row {self.number} ({own})"

    def texts(self, column: str) -> list[str]:
        """Those of a list that say something."""
        return [text for text in self.values.get(column) or [] if text and text.strip()]

    def left_out(self, error: Exception) -> InputError:
        """What is told of a row that cannot be used."""
        return InputError(f"{self.name} is left out", f"{error}")


@dataclass(frozen=True)
class Table:
    """A parquet file."""

    path: Path

    @classmethod
    def of(cls, value: Any) -> "Table":
        """The table at a path; NotFound or InputError says what is wrong with it."""
        table = cls(Path(value).expanduser())
        if table.path.is_dir():
            raise InputError(f"{table.path} is a folder", "a data file is a parquet file")
        if not table.path.is_file():
            raise NotFound(f"{table.path} does not exist", "a data file is a parquet file")
        _ = table.columns
        return table

    @cached_property
    def columns(self) -> tuple[str, ...]:
        with self._open() as file:
            return tuple(file.schema_arrow.names)

    def __len__(self) -> int:
        with self._open() as file:
            return int(file.metadata.num_rows)

    def rows(self, needed: Sequence[str], wanted: Sequence[str] = ()) -> Iterator[Row]:
        """Every row with the columns `needed`, and those of `wanted` that the file has.

        Raises InputError at once where a needed column is missing.
        """
        missing = [name for name in needed if name not in self.columns]
        if missing:
            raise InputError(
                f"{self.path} has no column {', '.join(missing)}",
                why=f"its columns are {', '.join(self.columns)}",
            )
        return self._read([*needed, *(name for name in wanted if name in self.columns)])

    def _read(self, columns: list[str]) -> Iterator[Row]:
        number = 0
        with self._open() as file:
            for batch in file.iter_batches(_AT_ONCE, columns=columns):
                for values in batch.to_pylist():
                    yield Row(number, values)
                    number += 1

    def _open(self) -> Any:
        try:
            from pyarrow import ArrowInvalid
            from pyarrow.parquet import ParquetFile
        except ModuleNotFoundError as error:
            raise SensoriumError(
                f"{self.path} cannot be read here",
                why="parquet files need pyarrow",
                hint='pip install "sensorium[data]"',
            ) from error
        try:
            return ParquetFile(self.path)
        except (ArrowInvalid, OSError) as error:
            raise InputError(f"{self.path} is no parquet file", str(error)) from error

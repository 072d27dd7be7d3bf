"""Data files out of the public originals of well-known sets: one parquet file a split.

A file of `train/sets/` says in its docstring where the original is had and what it must hold, and
has `read(folder)`, which yields rows (a `Row`, or a `Bad` with file and reason).
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.flow import Progress
from sensorium.media.image import read_picture
from sensorium.shelf import Shelf
from sensorium.train.pair import Bad

_GROUP = 500  # rows a row group: what a reader has in memory at a time


@dataclass(frozen=True)
class Row:
    """values: by column, all but `id`, `image`, `split`."""

    id: str
    image: Path
    split: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Set:
    """read: rows of a folder with the original. columns: beside id, image, split: name → `text`,
    `texts`."""

    name: str
    help: str
    columns: Mapping[str, str]
    read: Callable[[Path], Iterator[Row | Bad]]

    @classmethod
    def of(cls, module: ModuleType) -> "Set":
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        return cls(name, module.__doc__ or "", module.COLUMNS, module.read)


SETS: Shelf[Set] = Shelf("sensorium.train.sets", Set.of)


@dataclass
class Prepared:
    """rows: written, by file. bad: rows that were left out."""

    rows: dict[Path, int] = field(default_factory=dict)
    bad: list[Bad] = field(default_factory=list)


def prepare(name: str, folder: Path, out: Path) -> Generator[Progress, None, Prepared]:
    """Write `NAME-SPLIT.parquet` into `out` with the columns of the set, and whatever pictures are
    as they are in the original, checked to be readable.

    Raises NotFound for an unknown set or a folder that lacks what the set needs.
    """
    data_set = SETS[name]
    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder", hint=_hint(name))
    out.mkdir(parents=True, exist_ok=True)
    told, writers = Prepared(), _Writers(data_set, out)
    with writers:
        for number, row in enumerate(data_set.read(folder), 1):
            yield Progress(number, 0, "rows")
            bad = row if isinstance(row, Bad) else writers.add(row)
            if bad:
                told.bad.append(bad)
    if not writers.rows:
        raise InputError(
            f"{folder} holds nothing of {name}",
            why=str(told.bad[0]) if told.bad else "no row was found",
            hint=_hint(name),
        )
    told.rows = writers.rows
    return told


def _hint(name: str) -> str:
    return f"sensorium train prepare {name}   (says what it must hold)"


class _Writers:
    """A parquet file a split, written beside its place and renamed when all rows are in."""

    def __init__(self, data_set: Set, out: Path) -> None:
        self.data_set, self.out = data_set, out
        self.rows: dict[Path, int] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._open: dict[str, Any] = {}

    def __enter__(self) -> None:
        _pyarrow()

    def add(self, row: Row) -> Bad | None:
        """Take a row; Bad where its picture cannot be read."""
        try:
            read_picture(row.image, 64)
        except SensoriumError as error:
            return Bad(str(row.image), str(error))
        kept = {"id": row.id, "image": row.image.read_bytes(), "split": row.split}
        waiting = self._waiting.setdefault(row.split, [])
        waiting.append(kept | dict(row.values))
        if len(waiting) == _GROUP:
            self._flush(row.split)
        return None

    def _flush(self, split: str) -> None:
        pa = _pyarrow()
        rows = self._waiting.pop(split, [])
        if not rows:
            return
        schema = _schema(pa, self.data_set.columns)
        if split not in self._open:
            from pyarrow.parquet import ParquetWriter

            part = self.out / f".{self.data_set.name}-{split}.parquet"
            self._open[split] = ParquetWriter(part, schema, compression="zstd")
        self._open[split].write_table(pa.Table.from_pylist(rows, schema=schema))
        path = self.out / f"{self.data_set.name}-{split}.parquet"
        self.rows[path] = self.rows.get(path, 0) + len(rows)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for split in list(self._waiting):
                self._flush(split)
        for split, writer in self._open.items():
            writer.close()
            part = self.out / f".{self.data_set.name}-{split}.parquet"
            if kind is None:
                part.replace(self.out / part.name[1:])
            else:
                part.unlink(missing_ok=True)


def _schema(pa: Any, columns: Mapping[str, str]) -> Any:
    kinds = {"text": pa.string(), "texts": pa.list_(pa.string())}
    own = [(name, kinds[kind]) for name, kind in columns.items()]
    return pa.schema([("id", pa.string()), ("image", pa.binary()), *own, ("split", pa.string())])


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise SensoriumError(
            "data files cannot be written here",
            why="they need pyarrow",
            hint='pip install "sensorium[train]"',
        ) from error
    return pyarrow


def needed(folder: Path, *names: str) -> Path:
    """The first of some files or folders that is there, at the top or one folder down.

    Raises NotFound that names them all.
    """
    for name in names:
        for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
            if path.exists():
                return path
    raise NotFound(f"{folder} has no {' or '.join(names)}", "the set cannot be read without it")


def tidy(text: str) -> str:
    """White space collapsed, nothing else changed."""
    return re.sub(r"\s+", " ", text).strip()

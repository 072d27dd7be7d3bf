"""Export: a library's entries as a table, or its files in a folder."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.index.item import Entry, State
from sensorium.results import write_whole

_FIELDS = [field.name for field in fields(Entry) if field.name != "place"]
COLUMNS = (*_FIELDS, "latitude", "longitude")
FORMATS = ("jsonl", "csv", "parquet", "copies", "links")
_TYPES = {"size": "int64", "width": "int32", "height": "int32"} | dict.fromkeys(
    ("duration", "latitude", "longitude"), "float64"
)


def export(entries: Iterable[Entry], path: Path, format: str = "") -> int:
    """Write a row an entry to `path`, whole or not at all; how many. Or, as `copies` or `links`,
    put the files that can be found into the folder `path`.

    format: one of `FORMATS`; empty: as the suffix of `path` says. Times are ISO 8601.
    Raises InputError for another format, or parquet without pyarrow.
    """
    format = format or path.suffix.lower().lstrip(".")
    if format in ("copies", "links"):
        found = (entry.path for entry in entries if entry.state is State.OK)
        return len(gather(found, path, link=format == "links"))
    rows = [_row(entry) for entry in entries]
    match format:
        case "jsonl":
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            data = "".join(lines).encode()
        case "csv":
            data = _csv(rows)
        case "parquet":
            data = _parquet(rows)
        case _:
            raise InputError(
                f"“{format}” is no format of an export" if format else "an export needs a format",
                f"it is one of {', '.join(FORMATS)}",
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return len(rows)


def gather(paths: Iterable[Path], folder: Path, link: bool = False) -> list[Path]:
    """Copy or link files into `folder`, in their order; where each one went.

    A name that is taken there gets a number: nothing is overwritten. Files that are not here any
    more are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for path in dict.fromkeys(paths):
        if path.is_file():
            target = next(one for one in _names(folder, path) if not os.path.lexists(one))
            if link:
                target.symlink_to(path.absolute())
            else:
                shutil.copy2(path, target)
            made.append(target)
    return made


def _row(entry: Entry) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in _FIELDS}
    row["path"] = str(entry.path)
    row["kind"], row["state"] = entry.kind.value, entry.state.value
    row["taken"] = entry.taken.isoformat() if entry.taken else None
    row["latitude"], row["longitude"] = entry.place or (None, None)
    return row


def _csv(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise InputError(
            "parquet cannot be written", "pyarrow is missing", 'pip install "sensorium[data]"'
        ) from None
    kinds = [(name, getattr(pa, _TYPES.get(name, "string"))()) for name in COLUMNS]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(kinds)), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _names(folder: Path, path: Path) -> Iterator[Path]:
    yield folder / path.name
    number = 2
    while True:
        yield folder / f"{path.stem} ({number}){path.suffix}"
        number += 1

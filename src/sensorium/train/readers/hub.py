"""Hugging Face `datasets`: by name (`hf:org/name`), or a folder that `save_to_disk` wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, SensoriumError, first_line
from sensorium.train.pair import Bad, Pair
from sensorium.train.readers.columns import IDS, IMAGES, SPLITS, caption_columns, pair_of

MARKS = ("dataset_dict.json", "dataset_info.json")


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture of a memory-mapped data set. pictures: the data set with that column alone."""

    pictures: Any
    row: int
    column: str

    def read(self) -> bytes:
        value = self.pictures[self.row][self.column]
        if isinstance(value, dict) and value.get("bytes"):
            return bytes(value["bytes"])
        if isinstance(value, dict) and value.get("path"):
            return Path(value["path"]).read_bytes()
        if isinstance(value, bytes):
            return value
        raise InputError(f"row {self.row}", "it has no picture")


def read_hub(where: str) -> Iterator[Pair | Bad]:
    """where: `hf:org/name`, `hf:org/name@revision` or a folder. Every split that there is.

    A name is asked of the Hub: `datasets` fetches what is not in its cache.
    """
    for split, data in _splits(where).items():
        yield from _rows(data, f"{where} {split}".strip(), SPLITS.get(split, split))


def _rows(data: Any, where: str, split: str) -> Iterator[Pair | Bad]:
    import datasets

    column = next((name for name in IMAGES if name in data.column_names), "")
    if not column:
        raise InputError(f"{where} has no pictures", f"columns: {', '.join(data.column_names)}")
    columns = caption_columns(data.column_names)
    pictures = data.select_columns([column])
    if isinstance(data.features[column], datasets.Image):
        pictures = pictures.cast_column(column, datasets.Image(decode=False))
    wanted = [name for name in data.column_names if name in {*columns, *IDS, "split"}]
    texts = data.select_columns(wanted)
    for row in range(len(data)):
        values = {"split": split} | (texts[row] if wanted else {})
        cell = Cell(pictures, row, column)
        name = f"{split or 'row'}-{row}"
        yield pair_of(values, columns, f"{where}, row {row}", lambda cell=cell: cell, name)  # type: ignore[misc]


def _splits(where: str) -> dict[str, Any]:
    """Name of a split → its data set; an unnamed one where there is but one."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise SensoriumError(
            f"{where} cannot be read here",
            why="it needs the package datasets",
            hint="pip install datasets",
        ) from error
    try:
        if where.startswith("hf:"):
            name, _, revision = where[3:].partition("@")
            found = datasets.load_dataset(name, revision=revision or None)
        else:
            found = datasets.load_from_disk(where)
    except Exception as error:  # whatever its builders raise
        raise InputError(f"{where} cannot be opened as a data set", first_line(error)) from error
    return dict(found) if isinstance(found, datasets.DatasetDict) else {"": found}

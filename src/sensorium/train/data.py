"""Pairs of a place, whatever its layout, told by its content."""

import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from sensorium.errors import InputError, NotFound
from sensorium.media.kind import Kind, kind_of
from sensorium.train.pair import Bad, Pair
from sensorium.train.readers import hub
from sensorium.train.readers.columns import FILES, caption_columns
from sensorium.train.readers.folder import (
    CAPTIONS,
    names_pictures,
    read_captions,
    read_classes,
    read_folder,
    read_texts,
)
from sensorium.train.readers.jsonl import read_jsonl
from sensorium.train.readers.parquet import Cell, read_parquet
from sensorium.train.readers.shards import read_shard

_HELD_OUT = 0.05  # share of data that names no split of its own


@dataclass
class Pairs(Sequence[Pair]):
    """What can be used, in the data's own order, and what cannot."""

    pairs: list[Pair]
    bad: list[Bad] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]
        return self.pairs[place]

    @property
    def blocks(self) -> list[int]:
        """Sizes of runs of pairs that are read from disk together; one pair each where any pair
        can be read alone."""
        return [sum(1 for _ in run) for _, run in groupby(self.pairs, _block)]

    def captioned(self) -> "Pairs":
        """Those that something is said of."""
        return Pairs([pair for pair in self.pairs if pair.texts], self.bad)

    def split(self) -> tuple["Pairs", "Pairs"]:
        """To train on, and to validate on: the data's own split where it names one, else a share
        of 1 in 20 by a hash of the id, the same on every machine, and of two pairs or more at
        least one. Test rows go nowhere."""
        if any(pair.split == "val" for pair in self.pairs):
            train = [pair for pair in self.pairs if pair.split in ("train", "")]
            return Pairs(train, self.bad), Pairs([p for p in self.pairs if p.split == "val"])
        rows = [pair for pair in self.pairs if pair.split != "test"]
        # A share of a few pairs is often none, and a run that validates on nothing cannot begin.
        most = max(_HELD_OUT, min(map(_lot, rows))) if len(rows) > 1 else 0.0
        rest = [pair for pair in rows if _lot(pair) > most]
        return Pairs(rest, self.bad), Pairs([pair for pair in rows if _lot(pair) <= most])


def _block(pair: Pair) -> object:
    if isinstance(pair.image, Cell):
        return id(pair.image.pictures), pair.image.group
    return id(pair)


def _lot(pair: Pair) -> float:
    """What falls to a pair, 0 to 1, by its id alone."""
    return int.from_bytes(sha256(pair.id.encode()).digest()[:4], "big") / 2**32


def read_pairs(*places: str | Path) -> Pairs:
    """All pairs of some files, folders or data sets (`hf:org/name`), one after another.

    Raises NotFound for a place that is not there, InputError where nothing in it can be used.
    """
    good: list[Pair] = []
    bad: list[Bad] = []
    for place in places:
        for found in _read(str(place)):
            if isinstance(found, Bad):
                bad.append(found)
            else:
                good.append(found)
    if not good:
        named = ", ".join(map(str, places)) or "no data"
        raise InputError(
            f"there is nothing to train on in {named}",
            why=f"{len(bad)} rows, none of use; the first: {bad[0]}" if bad else "it has no rows",
            hint="sensorium train check DATA" if bad else "a folder with captions.txt, or a table",
        )
    return Pairs(good, bad)


def read_parts(
    data: Sequence[str], val: Sequence[str] = (), *, captioned: bool = True
) -> tuple[Pairs, Pairs]:
    """What a run learns from, and what it validates on: `val` where that is given, else `split`.

    captioned: without pairs that nothing is said of. Raises as `read_pairs` does, and InputError
    where either part is empty.
    """
    pairs = read_pairs(*data)
    both = (pairs, read_pairs(*val)) if val else pairs.split()
    train, held = (part.captioned() for part in both) if captioned else both
    if not len(train) and len(both[0]):
        raise InputError(
            f"nothing is said of the pictures in {', '.join(data)}",
            why=f"{len(both[0]):,} pictures, and no caption",
            hint="captions.txt beside them, with lines as “dog.jpg,A dog runs.”",
        )
    if not len(train):
        raise InputError(
            f"there is nothing to train on in {', '.join(data)}",
            why=f"its {len(pairs):,} rows are all marked as val or test",
            hint="--data with rows to train on; these are for --val",
        )
    if not len(held):
        said = " with a caption" if captioned and len(both[1]) else ""
        raise InputError(
            "there is nothing to validate on",
            why=f"no row{said} in {', '.join(val or data)} is for it",
            hint="--val DATA",
        )
    return train, held


def require_there(places: Iterable[str]) -> None:
    """Raises NotFound for a file or folder that is not there; the Hub is not asked."""
    for place in places:
        if not (place.startswith("hf:") or Path(place).expanduser().exists()):
            raise NotFound(f"{place} does not exist", "data is a file, a folder or hf:org/name")


def _read(place: str) -> Iterator[Pair | Bad]:
    if place.startswith("hf:"):
        return hub.read_hub(place)
    require_there([place])
    path = Path(place).expanduser()
    return _read_folder(path) if path.is_dir() else _read_file(path)


def _read_file(path: Path) -> Iterator[Pair | Bad]:
    """By its first bytes, not by its name."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"PAR1":
        return read_parquet(path)
    if tarfile.is_tarfile(path):
        return read_shard(path)
    first = head.lstrip(b"\xef\xbb\xbf \r\n\t").splitlines()[:1]
    if first and first[0].startswith(b"{"):
        return read_jsonl(path)
    if b"\0" in head:
        raise InputError(f"{path} is no data that we read", "parquet, tar, json lines or text")
    if names_pictures(head.decode("utf-8", "ignore")):
        return read_captions(path, path.parent)
    return read_texts(path)


def _read_folder(folder: Path) -> Iterator[Pair | Bad]:
    if any((folder / mark).exists() for mark in hub.MARKS):
        return hub.read_hub(str(folder))
    for pattern in ("*.parquet", "*.tar"):
        tables = sorted(folder.glob(pattern)) or sorted(folder.glob(f"*/{pattern}"))
        if tables:
            return _each(tables)
    if (folder / CAPTIONS).is_file():
        return read_captions(folder / CAPTIONS, folder)
    tables = [path for path in sorted(folder.glob("*.jsonl")) if _tells_captions(path)]
    if tables:
        return _each(tables)
    return read_classes(folder) if _has_classes(folder) else read_folder(folder)


def _each(tables: Iterable[Path]) -> Iterator[Pair | Bad]:
    for path in tables:
        yield from _read_file(path)


def _tells_captions(path: Path) -> bool:
    """A folder may hold json lines of another kind beside its pictures."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = next((line for line in file if line.strip()), "")
    try:
        values = json.loads(line)
    except ValueError:
        return False
    return (
        isinstance(values, dict) and bool(caption_columns(values)) and bool(values.keys() & FILES)
    )


def _has_classes(folder: Path) -> bool:
    """Pictures in sub-folders only, and no text beside them."""
    kinds = {kind_of(path) for path in folder.iterdir() if path.is_file()}
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]
    texts = any(next(one.glob("*.txt"), None) for one in inner)
    return len(inner) > 1 and Kind.IMAGE not in kinds and not texts

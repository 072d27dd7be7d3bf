"""WebDataset shards: tar files in which `0123.jpg`, `0123.txt`, `0123.json` belong together.

A member is found again by its offset, so rows can be drawn in any order without unpacking.
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.train.pair import Bad, Pair
from sensorium.train.readers.columns import IMAGES, caption_columns, pair_of


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside of an uncompressed tar: `size` bytes from `offset`."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass
class _Sample:
    """What stands under one key."""

    key: str
    image: Member | None = None
    values: dict[str, Any] = field(default_factory=dict)
    why: str = ""


def read_shard(path: Path) -> Iterator[Pair | Bad]:
    """Samples in the shard's order."""
    sample: _Sample | None = None
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                folder, _, name = member.name.rpartition("/")
                stem, _, suffix = name.partition(".")
                key = f"{folder}/{stem}" if folder else stem
                if sample is None or sample.key != key:
                    yield from _finished(sample, path)
                    sample = _Sample(key)
                _take(sample, suffix.lower(), tar, member, path)
    except (tarfile.TarError, EOFError, OSError) as error:
        yield Bad(str(path), f"the shard is broken or compressed: {error}")
    yield from _finished(sample, path)


def _take(
    sample: _Sample, suffix: str, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path
) -> None:
    if suffix in IMAGES:
        sample.image = Member(path, member.offset_data, member.size)
        return
    if suffix not in ("txt", "json") and not suffix.endswith(".txt"):
        return
    content = tar.extractfile(member)
    assert content is not None  # it is a file
    words = content.read().decode("utf-8", "replace")
    if suffix == "json":
        try:
            said = json.loads(words)
        except ValueError as error:
            sample.why = f"its json is broken: {error}"
            return
        sample.values |= said if isinstance(said, dict) else {}
    else:
        lang = suffix.removesuffix("txt").removesuffix(".")
        name = f"captions_{lang}" if lang else "captions"
        sample.values[name] = [line for line in words.splitlines() if line.strip()]


def _finished(sample: _Sample | None, path: Path) -> Iterator[Pair | Bad]:
    if sample is None:
        return
    where = f"{path}, {sample.key}"
    if sample.why:
        yield Bad(where, sample.why)
        return
    columns = caption_columns(sample.values)
    if "captions" in columns:  # where a text file is there, json repeats it
        columns = {name: lang for name, lang in columns.items() if lang or name == "captions"}

    def image() -> Member:
        if sample.image is None:
            raise InputError("it has no picture")
        return sample.image

    yield pair_of(sample.values, columns, where, image, sample.key)

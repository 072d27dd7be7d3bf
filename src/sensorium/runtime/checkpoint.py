"""Checkpoint: a spec resolved to a folder on this machine, with its config and provenance."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.results import Provenance
from sensorium.spec import ModelSpec

TOLD = (
    "relevance.json",
    "ids.txt.gz",
    "README.md",
    "card.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
)
"""Files of a folder that only say what its model is and how good: they move no vector."""


@dataclass(frozen=True)
class Checkpoint:
    """spec: as the user named it. folder: where its files are. revision: a commit of the Hub, or
    a digest of the folder's files. licence: of the weights."""

    spec: ModelSpec
    folder: Path
    revision: str
    licence: str = ""

    @property
    def provenance(self) -> Provenance:
        return Provenance(str(self.spec), self.revision, self.licence)

    @cached_property
    def config(self) -> dict[str, Any]:
        """`config.json`, empty where there is none."""
        return self.read_json("config.json") if self.has("config.json") else {}

    def settings(self, names: Iterable[str]) -> dict[str, Any]:
        """`config`; raises InputError where it lacks one of `names`: `labels`, or `text.letters`
        for what stands one deeper."""
        if missing := [name for name in names if not _says(self.config, name.split("."))]:
            raise InputError(
                f"{self.spec} cannot be opened",
                why=f"its config.json does not say {', '.join(missing)}",
            )
        return self.config

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read_json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.spec} has no {name}", f"looked in {self.folder}") from None
        except ValueError as error:
            raise InputError(f"{path} is not JSON", str(error)) from error
        return data


def _says(config: Any, path: Sequence[str]) -> bool:
    for name in path:
        if not isinstance(config, dict) or name not in config:
            return False
        config = config[name]
    return True


def digest(folder: Path) -> str:
    """12 hex digits that change when a file of the folder changes name, size or content's head.

    Vectors are kept by (content, model, revision), so a retrained folder must get a new revision;
    reading whole weights at every start would be slow, so 64 KiB at both ends of a file count.
    What is told of the model (`TOLD`) does not count: a mended card costs nobody an index.
    """
    mark = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in TOLD):
        size = path.stat().st_size
        mark.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            mark.update(file.read(1 << 16))
            if size > 1 << 16:
                file.seek(max(1 << 16, size - (1 << 16)))
                mark.update(file.read(1 << 16))
    return mark.hexdigest()[:12]

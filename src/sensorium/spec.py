"""ModelSpec: how a user names a checkpoint.

`name`              a built-in model, or a row of the catalogue
`hf:org/repo@rev`   a repository of the Hugging Face Hub (`@rev` may be left out: `main`)
`dir:path`          a folder
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sensorium.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Named:
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class HubRepo:
    repo: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"hf:{self.repo}" + ("" if self.revision == "main" else f"@{self.revision}")


@dataclass(frozen=True)
class Folder:
    path: Path

    def __str__(self) -> str:
        return f"dir:{self.path}"


ModelSpec = Named | HubRepo | Folder


def parse_spec(text: str) -> ModelSpec:
    """Read a spec as a user writes it; InputError when it is none of the three forms."""
    if text.startswith("dir:") and len(text) > 4:
        return Folder(Path(text[4:]).expanduser().absolute())
    if text.startswith("hf:"):
        repo, _, revision = text[3:].partition("@")
        if _REPO.fullmatch(repo):
            return HubRepo(repo, revision or "main")
    elif _NAME.fullmatch(text):
        return Named(text)
    raise InputError(
        f"“{text}” does not name a model",
        why="a model is a name, hf:org/repo@revision or dir:path",
        hint="sensorium models list",
    )

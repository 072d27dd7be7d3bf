"""What every result has: where it came from, and its way to JSON and back."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from sensorium.errors import InputError
from sensorium.results.codec import decode, dumps, encode
from sensorium.version import __version__

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Provenance:
    """Which model spoke: its spec as the user would write it, its revision (a commit, or a digest
    of the folder), the licence of its weights, and the version of sensorium that asked it."""

    model: str
    revision: str = ""
    licence: str = ""
    version: str = __version__


@dataclass(frozen=True, kw_only=True)
class Result:
    """The base of the closed set. Holds sources, spans, boxes and numbers, never pixels."""

    provenance: Provenance | None = None

    kinds: ClassVar[dict[str, type["Result"]]] = {}

    def __init_subclass__(cls) -> None:
        Result.kinds[cls.__name__] = cls

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values, with its `type` and the schema's version."""
        return {"type": type(self).__name__, "schema": SCHEMA_VERSION, **encode(self)}

    def to_json(self, indent: int | None = None) -> str:
        return dumps(self.to_dict(), indent)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; `Result.from_json` reads any of the set."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError("this is not JSON", str(error)) from error
        if not isinstance(data, dict) or data.get("type") not in Result.kinds:
            raise InputError("this is not a result", "it has no known “type”")
        if data.get("schema") != SCHEMA_VERSION:
            raise InputError(
                f"this result is of schema {data.get('schema')}",
                why=f"this program reads schema {SCHEMA_VERSION}",
            )
        kind = Result.kinds[data["type"]]
        if not issubclass(kind, cls):
            raise InputError(f"this is a {data['type']}, not a {cls.__name__}")
        result: Self = decode(kind, data)
        return result

    def save(self, path: Path | str) -> None:
        """Write the JSON to `path`, whole or not at all."""
        write_whole(Path(path), (self.to_json(indent=2) + "\n").encode())

    def _repr_html_(self) -> str:
        from sensorium.views.html import fragment  # late: views stand above results

        return fragment(self)  # type: ignore[arg-type]  # the set is closed: it is one of them


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then rename: a reader sees the old file or the new, no half.

    What is no file, such as a pipe or /dev/stdout, is written to. Raises InputError where the
    system does not let it.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)  # the file that a link leads to, not the link
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path} cannot be written", why) from error


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:  # with the permissions that the user's files have
            file.write(data)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

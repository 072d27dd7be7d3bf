"""SENSORIUM_HOME: where libraries, exported models and settings live."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.results import write_whole


def home() -> Path:
    """`SENSORIUM_HOME`, else the platform's data folder. Not created here."""
    named = os.environ.get("SENSORIUM_HOME")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sensorium", appauthor=False)


def settings() -> dict[str, Any]:
    """What `settings.toml` says; empty where there is none."""
    path = home() / "settings.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read", str(error), "mend or remove it") from error


def choose(table: str, key: str, value: str) -> None:
    """Write `key = "value"` under `[table]` of `settings.toml`; the rest of the file, comments
    among it, stays as it is. The new file is there whole or not at all."""
    settings()  # one that cannot be read is not written over
    path = home() / "settings.toml"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    start = next((n for n, one in enumerate(lines) if one.strip() == f"[{table}]"), None)
    if start is None:
        lines += [f"[{table}]", line]
    else:
        rest = range(start + 1, len(lines))
        stop = next((n for n in rest if lines[n].lstrip().startswith("[")), len(lines))
        own = (n for n in range(start + 1, stop) if lines[n].partition("=")[0].strip() == key)
        at = next(own, None)
        lines[start + 1 : start + 1] = [line] if at is None else []
        if at is not None:
            lines[at] = line
    text = "\n".join(lines) + "\n"
    if not _says(text, table, key, value):
        raise InputError(f"{path} cannot be written to", f"[{table}] stands in a form of its own")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _says(text: str, table: str, key: str, value: str) -> bool:
    try:
        return bool(tomllib.loads(text)[table][key] == value)
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return False

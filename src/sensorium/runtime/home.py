"""SENSORIUM_HOME: where libraries, exported models and settings live."""

import os
import tomllib
from pathlib import Path
from typing import Any

from sensorium.errors import InputError


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

"""A recipe's Config out of a TOML file and single fields, typed and checked."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from sensorium.errors import InputError, NotFound
from sensorium.parameter import Option, option_of
from sensorium.train.options import Options

Config = TypeVar("Config", bound=Options)
RUN = "run.toml"
"""Every field of a run, in its folder."""
_RECIPE = "recipe"  # a run's own file names its recipe, which is no field


def fields_of(config: type[Options]) -> tuple[Option, ...]:
    """The fields as options: type, range, help and default; one that must be given has the
    default `dataclasses.MISSING`."""
    hints = get_type_hints(config, include_extras=True)
    return tuple(
        option_of(field.name, hints[field.name], field.default)
        for field in dataclasses.fields(config)
    )


def read_config(config: type[Config], path: Path | None, given: Mapping[str, Any]) -> Config:
    """`given` before the file, the file before the defaults.

    given: values, or words as a command line has them. Raises InputError that names the field and
    what it may be; for an unknown field, the nearest ones.
    """
    known = {option.name: option for option in fields_of(config)}
    told = _file(path) if path else {}
    told.pop(_RECIPE, None)
    values = {}
    for name, value in (told | dict(given)).items():
        if name.replace("-", "_") not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.5)
            raise InputError(
                f"“{name}” is no field of the recipe",
                why="" if name in given else f"it stands in {path}",
                hint=" or ".join(near) or ", ".join(known),
            )
        option = known[name.replace("-", "_")]
        values[option.name] = option.read(_plain(option, value))
    missing = [o for o in known.values() if o.default is dataclasses.MISSING]
    missing = [option for option in missing if option.name not in values]
    if missing:
        raise InputError(
            f"{' and '.join(option.flag for option in missing)} must be given",
            why="the recipe cannot begin",
            hint="; ".join(f"{option.flag}: {option.help}" for option in missing),
        )
    return config(**values)


def _plain(option: Option, value: Any) -> Any:
    """Words of a command line as what TOML would have."""
    if option.many:
        value = [value] if isinstance(value, str | Path) else value
        return [str(one) if isinstance(one, Path) and option.type is str else one for one in value]
    if option.type is int and isinstance(value, float):
        return str(value)  # which is no whole number, where int() would cut it
    if option.type is bool and value in ("true", "false"):
        return value == "true"
    return value


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.expanduser().read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", "it was to be the run's TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML", str(error)) from error


def write_toml(recipe: str, options: Options) -> str:
    """Every field of a run, so that it can be done again from this file alone."""
    lines = [f"{_RECIPE} = {json.dumps(recipe)}"]
    for name, value in dataclasses.asdict(options).items():
        if value is not None:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def changed(path: Path, recipe: str, options: Options) -> list[str]:
    """Names of fields that a run's own file has otherwise."""
    before = _file(path)
    now = tomllib.loads(write_toml(recipe, options))
    return sorted(name for name in before | now if before.get(name) != now.get(name))

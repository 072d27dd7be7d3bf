"""The catalogue: models that have a name, as rows of `builtin/catalogue.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sensorium.spec import ModelSpec, parse_spec

BUILTIN = Path(__file__).parent.parent / "builtin"


@dataclass(frozen=True)
class Row:
    """One named model.

    folder: its folder in `builtin/`, empty for a suggestion. spec: where a suggestion lives.
    package: a Python package that brings the weights. extra: the extra of ours that installs it,
    empty where every installation has it.
    serves: roles. figures: published quality, as a line; source: where it was published.
    note: whom it is for. logit_scale, logit_bias: as the original's weights have them, where the
    repository holds graphs that leave them out; 0 for a row that need not say.
    """

    name: str
    serves: tuple[str, ...]
    licence: str
    folder: str = ""
    spec: str = ""
    package: str = ""
    extra: str = ""
    megabytes: float = 0.0
    figures: str = ""
    source: str = ""
    note: str = ""
    logit_scale: float = 0.0
    logit_bias: float = 0.0

    @property
    def install(self) -> str:
        """What to type for the package."""
        return f'pip install "sensorium[{self.extra}]"' if self.extra else "pip install sensorium"

    @property
    def model_spec(self) -> ModelSpec:
        return parse_spec(self.spec or self.name)


@cache
def catalogue() -> dict[str, Row]:
    """Name → row, in the file's order."""
    table = tomllib.loads((BUILTIN / "catalogue.toml").read_text("utf-8"))
    return {
        name: Row(name, **{**row, "serves": tuple(row["serves"])}) for name, row in table.items()
    }


def row_named(name: str) -> Row | None:
    """By its name, or a built-in model by the name that its card and recipe bear."""
    rows = catalogue()
    return rows.get(name) or next((row for row in rows.values() if row.folder == name), None)


def row_of(spec: ModelSpec) -> Row | None:
    """The row that suggests `spec`, of whatever revision."""
    said = str(spec).partition("@")[0]
    return next((row for row in catalogue().values() if row.spec.partition("@")[0] == said), None)

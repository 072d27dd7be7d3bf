"""Training: `run("dual-tower", data=["photos/"], out="mine")`, and what the command line does.

    for event in stream("dual-tower", "run.toml", steps=2000):
        ...                                        # Step, Validated, at last Ended

Recipes are files of `train/recipes/`; their names cost no import, and torch is loaded when one of
them is taken.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.errors import SensoriumError
from sensorium.shelf import Shelf

if TYPE_CHECKING:
    from sensorium.train.loop import Ended, Event
    from sensorium.train.recipe import Recipe


def _take(module: Any) -> "Recipe":
    from sensorium.train.recipe import Recipe

    return Recipe.of(module)


RECIPES: "Shelf[Recipe]" = Shelf("sensorium.train.recipes", _take)


def taken(name: str) -> "Recipe":
    """The recipe of that name, ready to run. Raises NotFound for an unknown one, SensoriumError
    where what it needs is not installed."""
    try:
        return RECIPES[name]
    except ModuleNotFoundError as error:
        raise SensoriumError(
            f"{name} cannot be trained here",
            why=f"it needs {error.name}",
            hint='pip install "sensorium[train]"',
        ) from error


def run(recipe: str, config: Path | str | None = None, **fields: Any) -> "Ended":
    """Train to the end; see `stream`. Gives how it ended, with the figures of the best weights."""
    *_, last = stream(recipe, config, **fields)
    from sensorium.train.loop import Ended  # late: it brings torch, which a recipe asks for first

    assert isinstance(last, Ended)
    return last


def stream(recipe: str, config: Path | str | None = None, **fields: Any) -> "Iterator[Event]":
    """Train, and tell of every step.

    recipe: its name. config: a TOML file of the fields of the recipe's `Config`; `fields` come
    before it. An interrupted run goes on where it was when it is called again with the same.
    Raises InputError for fields that do not fit; NotFound for an unknown recipe.
    """
    return taken(recipe).stream(Path(config) if config else None, _given(fields))


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


__all__ = ["RECIPES", "run", "stream", "taken"]

"""The card of a run: what was trained, on what, how well, and how to do it again."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.train.curves import PICTURE
from sensorium.train.loop import Ended, Trainee
from sensorium.train.options import Options
from sensorium.version import __version__

if TYPE_CHECKING:
    from sensorium.train.recipe import Recipe

CARD = "README.md"
BAD = "bad-rows.txt"


def write_card(
    out: Path, recipe: "Recipe", options: Options, trainee: Trainee[Any], ended: Ended
) -> None:
    """`README.md`."""
    told = trainee.about() | {
        "data": ", ".join(options.data),
        "rows left out": f"{ended.left_out:,}" + (f" (see `{BAD}`)" if ended.left_out else ""),
        "steps": f"{ended.step:,} of {options.steps:,}"
        + (", stopped early: validation got no better" if ended.why == "early" else "")
        + ("; every one was worse than the start, which was kept" if ended.best == 0 else ""),
        "batch": f"{options.batch * options.accumulate}",
        "seed": f"{options.seed}",
        "made with": f"sensorium {__version__}, torch {version('torch')}",
    }
    sections = [
        f"# {out.name or recipe.name}",
        f"Trained with the recipe `{recipe.name}`.",
        recipe.help,
        "## What went in\n\n" + _table(told),
        "## Figures\n\nOf the start and of the best weights, on the validation part of the data; "
        "measure it on data of your own before you rely on it.\n\n" + _figures(ended),
        f"![curves]({PICTURE})",
        f"## Again\n\n    sensorium train {recipe.name} --config run.toml --out another-folder",
    ]
    (out / CARD).write_text("\n\n".join(sections) + "\n", "utf-8")


def _figures(ended: Ended) -> str:
    before = {name: f"{value:.4g}" for name, value in ended.before.items()}
    lines = [f"| {n} | {before.get(n, '')} | {value:.4g} |" for n, value in ended.figures.items()]
    doubt = [f"\n**{ended.doubt}.**"] if ended.doubt else []
    return "\n".join(["| | before | after |", "| --- | --- | --- |", *lines, *doubt])


def _table(rows: dict[str, str]) -> str:
    lines = [f"| {name} | {words} |" for name, words in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])

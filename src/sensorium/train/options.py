"""Options: what every recipe lets a person set. A recipe's `Config` adds its own.

Fields are annotated with a range, where there is one, and a line of help; `config.py` reads them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from sensorium.task import Range

MILLION = 10**6


@dataclass(frozen=True, kw_only=True)
class Options:
    data: Annotated[tuple[str, ...], "A file, a folder or hf:org/name; several are joined."]
    val: Annotated[tuple[str, ...], "To validate on; unsaid, the data's own split or 1 in 20."] = ()
    out: Annotated[Path, "The folder that the run ends in; an interrupted run goes on there."]
    steps: Annotated[int, Range(1, 100 * MILLION), "Optimiser steps."] = 1000
    batch: Annotated[int, Range(1, MILLION), "Pairs a batch, of all processes together."] = 64
    accumulate: Annotated[int, Range(1, 10_000), "Batches whose gradients make a step."] = 1
    lr: Annotated[float, Range(0, 10), "Highest learning rate."] = 5e-4
    warmup: Annotated[float, Range(0, 1), "Share of the steps in which the rate rises."] = 0.05
    floor: Annotated[float, Range(0, 1), "Share of the rate that is left at the end."] = 0.02
    weight_decay: Annotated[float, Range(0, 10), "AdamW's, on matrices."] = 0.05
    beta2: Annotated[float, Range(0, 1), "AdamW's memory of squared gradients."] = 0.98
    clip: Annotated[float, Range(0, MILLION), "Longest gradient; 0 leaves it as it is."] = 1.0
    precision: Annotated[Literal["fp32", "bf16"], "bf16 computes in 16 bits, weights stay 32."] = (
        "fp32"
    )
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights; 0 keeps none."] = 0.0
    seed: Annotated[int, Range(0, 2**31), "Everything left to chance follows from it."] = 0
    validate_every: Annotated[int, Range(1, 100 * MILLION), "Steps between validations."] = 200
    patience: Annotated[int, Range(0, MILLION), "Validations without a gain; 0: never stop."] = 0
    checkpoint_minutes: Annotated[float, Range(0, MILLION), "Between checkpoints."] = 10.0
    device: Annotated[Literal["", "cpu", "cuda"], "Empty: a GPU where there is one."] = ""

    def __post_init__(self) -> None:
        """`~/` becomes the home folder here: no shell sees what a file or Python says."""
        for name, value in vars(self).items():
            object.__setattr__(self, name, _at_home(value))


def _at_home(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_at_home, value))
    is_path = isinstance(value, str | Path) and str(value).startswith("~/")
    return type(value)(Path(value).expanduser()) if is_path else value

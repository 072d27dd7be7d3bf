"""Files of features as research on multimodal sentiment exchanges them.

A pickle of a dict: `train`, `valid`, `test` → a dict of arrays over the same items: `text`,
`audio`, `vision`, each (n, steps, numbers), and `regression_labels` or `labels`, n numbers from
negative to positive. So MMSA (Mao et al., ACL 2022) has CMU-MOSI, CMU-MOSEI and CH-SIMS, and MulT
before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.train.readers.plain_pickle import read_plain_pickle

MODALITIES = ("text", "audio", "vision")
SPLITS = ("train", "valid", "test")
_LABELS = ("regression_labels", "labels")


@dataclass(frozen=True)
class Features:
    """steps: by modality, float32 (n, steps, numbers), all zeros where an item has no more steps.
    labels: float32 (n,)."""

    steps: Mapping[str, NDArray[np.float32]]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)


def read_features(path: Path) -> dict[str, Features]:
    """The parts of the file by name: train, valid, test.

    Numbers that are none (MOSI's sounds have -inf where there is silence) become 0. Raises
    NotFound; InputError where the file is of another form, or holds more than plain values.
    """
    data = read_plain_pickle(path)
    missing = [name for name in SPLITS if not isinstance(_entry(data, name), dict)]
    if missing:
        raise InputError(
            f"{path} is no file of features", f"it has no {', '.join(missing)}", "see docs/training"
        )
    parts = {name: _part(path, name, data[name]) for name in SPLITS}
    widths = {name: [part.steps[name].shape[2] for part in parts.values()] for name in MODALITIES}
    for name, several in widths.items():
        if len(set(several)) > 1:
            raise InputError(f"{path}: {name} has {several} numbers a step, by part")
    return parts


def _part(path: Path, split: str, part: dict[str, Any]) -> Features:
    named = next((name for name in _LABELS if name in part), None)
    missing = [name for name in MODALITIES if name not in part]
    if missing or named is None:
        raise InputError(
            f"{path}: {split} lacks {', '.join([*missing, *([] if named else ['labels'])])}",
            why=f"it has {', '.join(map(str, part))[:200]}",
        )
    labels = _numbers(path, f"{split}, {named}", part[named]).reshape(-1)
    if not len(labels) or not np.isfinite(labels).all():
        raise InputError(f"{path}: {split} has no labels, or one that is no number")
    steps = {}
    for name in MODALITIES:
        values = _numbers(path, f"{split}, {name}", part[name])
        values = values[:, None] if values.ndim == 2 else values  # one step an item
        if values.ndim != 3 or len(values) != len(labels) or 0 in values.shape:
            raise InputError(
                f"{path}: {split}, {name} is {values.shape} for {len(labels)} labels",
                why="(items, steps, numbers) is wanted",
            )
        steps[name] = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return Features(steps, labels)


def _numbers(path: Path, where: str, value: Any) -> NDArray[np.float32]:
    try:
        made = np.asarray(value)
    except ValueError as error:  # rows of several lengths
        raise InputError(f"{path}: {where} is no array", str(error)) from error
    if made.dtype.kind not in "fiub":
        raise InputError(f"{path}: {where} holds no numbers", f"its type is {made.dtype}")
    return made.astype(np.float32)


def _entry(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None

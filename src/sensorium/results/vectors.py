"""Vectors: where items lie in a model's space."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.results.codec import dumps
from sensorium.results.result import Result, write_whole


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors(Result):
    """ids: what each row is. values: float32 (n, d), every row of unit length."""

    ids: tuple[str, ...]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: Path | str) -> None:
        """By suffix: `.npz` (arrays `ids`, `values`, and `model` with its revision), `.jsonl` (an
        object a row: `id`, `vector`), else the JSON of every result. Whole or not at all."""
        path = Path(path)
        match path.suffix.lower():
            case ".npz":
                data = io.BytesIO()
                np.savez(data, ids=np.array(self.ids), values=self.values, model=self._model)
                write_whole(path, data.getvalue())
            case ".jsonl":
                rows = zip(self.ids, self.values.tolist(), strict=True)
                lines = (dumps({"id": one, "vector": row}) for one, row in rows)
                write_whole(path, "".join(f"{line}\n" for line in lines).encode())
            case _:
                super().save(path)

    @property
    def _model(self) -> str:
        made = self.provenance
        return f"{made.model}@{made.revision}" if made else ""

    @staticmethod
    def join(several: Sequence["Vectors"]) -> "Vectors":
        """The rows of several, in order; of one model."""
        first = several[0]
        if any(one.provenance != first.provenance for one in several):
            raise InputError("vectors of two models cannot be joined", "they lie in other spaces")
        return Vectors(
            ids=tuple(name for one in several for name in one.ids),
            values=np.concatenate([one.values for one in several]),
            provenance=first.provenance,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vectors)
            and self.ids == other.ids
            and self.provenance == other.provenance
            and np.allclose(self.values, other.values, atol=1e-6)
        )

"""Vectors: where items lie in a model's space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.results.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors(Result):
    """ids: what each row is. values: float32 (n, d), every row of unit length."""

    ids: tuple[str, ...]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vectors)
            and self.ids == other.ids
            and self.provenance == other.provenance
            and np.allclose(self.values, other.values, atol=1e-6)
        )

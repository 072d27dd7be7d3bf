"""What every kind of sign shares: the seven emotions as numbers in their order, and their names."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sensorium.results import Evidence, Provenance
from sensorium.results.timeline import EMOTIONS, likeliest

Vector = NDArray[np.float64]


def vector(chances: dict[str, float]) -> Vector:
    """label → probability as numbers in the order of the emotions, which sum to 1."""
    found = np.array([chances.get(label, 0.0) for label in EMOTIONS])
    return np.asarray(found / max(found.sum(), 1e-9))


def chances(numbers: Iterable[float]) -> dict[str, float]:
    """Numbers in the order of the emotions, by name; without those that the model does not know."""
    pairs = zip(EMOTIONS, numbers, strict=True)
    return {label: round(float(chance), 6) for label, chance in pairs if chance > 0}


def wordless(
    row: str, start: float, end: float, told: dict[str, float], signs: dict[str, float]
) -> Evidence:
    """Evidence of a voice or a face. told: emotion → probability."""
    return Evidence(row, start, end, "", "", likeliest(told), told, {}, 0.0, (), signs)


def key_of(*models: Provenance) -> str:
    """By which what models found is told from what others did."""
    return " ".join(f"{one.model}@{one.revision}" for one in models)


def together(models: Sequence[Provenance]) -> Provenance | None:
    """Of several models that spoke, one line each has in common."""
    if len(models) <= 1:
        return models[0] if models else None
    licences = dict.fromkeys(one.licence for one in models if one.licence)
    return Provenance(
        " + ".join(one.model for one in models),
        " + ".join(one.revision for one in models),
        "; ".join(licences),
    )

"""Scores: how well labels fit one item."""

from dataclasses import dataclass

from sensorium.results.result import Result


@dataclass(frozen=True, kw_only=True)
class Scores(Result):
    """item: what was judged. scores: label → probability, summing to 1, best first."""

    item: str
    scores: dict[str, float]

    @property
    def best(self) -> str:
        return max(self.scores, key=lambda label: self.scores[label])

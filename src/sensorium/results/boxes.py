"""Boxes: where things or words stand in a picture."""

from dataclasses import dataclass

from sensorium.results.result import Result


@dataclass(frozen=True)
class Box:
    """xyxy: left, top, right, bottom in pixels. label: what it is, or the words that stand there.
    score: the model's own confidence, 0 to 1."""

    xyxy: tuple[float, float, float, float]
    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Boxes(Result):
    """size: (width, height) in pixels of the upright picture that the boxes are given in."""

    item: str
    size: tuple[int, int]
    boxes: tuple[Box, ...]

    @property
    def text(self) -> str:
        """The labels, a line each: what stands in the picture where the boxes are words."""
        return "\n".join(box.label for box in self.boxes)

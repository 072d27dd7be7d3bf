"""Span: a stretch of time of a Media, in seconds."""

import re
from dataclasses import dataclass

from sensorium.errors import InputError

_SECONDS = r"(\d+(?:\.\d+)?)s"
_SPAN = re.compile(rf"{_SECONDS}(?:-{_SECONDS})?")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`[start, end)` in seconds; a moment has start == end. Written `12.5s` and `10s-20s`."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise InputError(f"{self.start}s-{self.end}s is not a span", "it must run forwards")

    @classmethod
    def parse(cls, text: str) -> "Span":
        match = _SPAN.fullmatch(text)
        if match is None:
            raise InputError(f"“{text}” is not a span", "a span is 12.5s or 10s-20s")
        start = float(match[1])
        return cls(start, float(match[2]) if match[2] else start)

    def __str__(self) -> str:
        start = _seconds(self.start)
        return start if self.start == self.end else f"{start}-{_seconds(self.end)}"


def _seconds(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"

"""How emotions are named and told apart, on a terminal and on a page.

Each has a colour, and a letter and a hatching for who sees no colours; unknown labels of other
models get grey and their own name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sensorium.results import Evidence, Timeline


@dataclass(frozen=True)
class Look:
    """zh: its name. colour: on light and dark grounds. hatch: degrees of its lines, None for none;
    gap: pixels between them."""

    zh: str
    colour: str
    hatch: int | None = None
    gap: int = 6


# Okabe and Ito's palette, which most kinds of colour vision tell apart.
LOOKS: dict[str, Look] = {
    "anger": Look("愤怒", "#d55e00", 45),
    "disgust": Look("厌恶", "#009e73", 90),
    "fear": Look("恐惧", "#8a63c9", 135),
    "happiness": Look("高兴", "#e6a400"),
    "sadness": Look("悲伤", "#0072b2", 0),
    "surprise": Look("惊讶", "#56b4e9", 45, 3),
    "neutral": Look("平静", "#a3a3a8"),
    "unknown": Look("不确定", "#6e6e73"),
}
_OTHER = Look("", "#6e6e73", 0, 3)

CALM_ZH = "这是小模型对迹象的解读，不是对内心的了解；不可用于对人作决定。"


def look(label: str) -> Look:
    return LOOKS.get(label, _OTHER)


def zh(label: str) -> str:
    return look(label).zh or label


def ranked(one: Evidence) -> list[tuple[str, float]]:
    """Label and probability, the likeliest first."""
    return sorted(one.emotion.items(), key=lambda pair: -pair[1])


def marked(one: Evidence) -> list[tuple[str, bool]]:
    """The text in pieces, and whether a piece carried the reading."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for word in sorted(one.words, key=lambda word: word.start):
        if word.start < at:
            continue
        pieces += [(one.text[at : word.start], False), (one.text[word.start : word.end], True)]
        at = word.end
    return [(text, carried) for text, carried in [*pieces, (one.text[at:], False)] if text]


def size(timeline: Timeline) -> str:
    """How much was read."""
    count = len(timeline.evidence)
    if timeline.grid.unit == "sentences":
        return f"{count} sentence{'' if count == 1 else 's'}"
    return f"{count} cue{'' if count == 1 else 's'} in {timeline.grid.count} s"


def strongest(timeline: Timeline) -> Sequence[str]:
    """Labels in their order that are the likeliest of some step."""
    seen = {one.label for one in timeline.evidence}
    return [label for label in timeline.labels if label in seen]

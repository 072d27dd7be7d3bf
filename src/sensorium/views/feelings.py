"""How emotions, rows and signs are named and told apart, on a terminal and on a page.

Each emotion has a colour, and a letter and a hatching for who sees no colours; unknown labels of
other models get grey and their own name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sensorium.results import Evidence, Row, Timeline
from sensorium.results.notes import in_chinese
from sensorium.results.timeline import CALM, SENTENCES
from sensorium.views.words import clock


@dataclass(frozen=True)
class Look:
    """zh: its name. colour: on light and dark grounds. letter: of one cell. hatch: degrees of its
    lines, None for none; gap: pixels between them."""

    zh: str
    colour: str
    letter: str
    hatch: int | None = None
    gap: int = 6


# Okabe and Ito's palette, which most kinds of colour vision tell apart.
LOOKS: dict[str, Look] = {
    "anger": Look("愤怒", "#d55e00", "a", 45),
    "disgust": Look("厌恶", "#009e73", "d", 90),
    "fear": Look("恐惧", "#8a63c9", "f", 135),
    "happiness": Look("高兴", "#e6a400", "h"),
    "sadness": Look("悲伤", "#0072b2", "s", 0),
    "surprise": Look("惊讶", "#56b4e9", "u", 45, 3),
    "neutral": Look("平静", "#a3a3a8", "n"),
    "unknown": Look("不确定", "#6e6e73", "?"),
    "positive": Look("积极", "#6e6e73", "+", 135),
    "negative": Look("消极", "#6e6e73", "-", 45),
}
_OTHER = Look("", "#6e6e73", "*", 0, 3)

CALM_ZH = "这是小模型对迹象的解读，不是对内心的了解；不可用于对人作决定。"

_ROWS_ZH = {"fused": "综合", "text": "文字", "voice": "声音", "face": "人脸", "post": "图文"}
_UNITS_ZH = {
    "degrees": "度",
    "semitones": "半音",
    "syllables/s": "音节/秒",
    "characters/s": "字/秒",
    "s": "秒",
}
_SIGNS_ZH = {
    "pitch median": "音高中位数",
    "pitch range": "音高范围",
    "loudness": "响度",
    "speech rate": "语速",
    "pauses": "停顿",
    "roughness": "粗糙度",
    "above own pitch": "高于自身音高",
    "above own loudness": "高于自身响度",
    "above own pace": "快于自身语速",
    "mouth-corner lift": "嘴角上扬",
    "mouth opening": "张嘴",
    "mouth width": "嘴宽",
    "brow raise": "抬眉",
    "brow lower": "皱眉",
    "eye opening": "睁眼",
    "head tilt": "头部倾斜",
    "head turn": "头部转向",
}
EVENTS: dict[str, tuple[str, str, str]] = {
    "disagreement": ("≠", "rows disagree", "各路不一致"),
    "language": ("文", "another language", "其他语言"),
    "unknown": ("?", "nothing stands out", "不明显"),
}
"""kind → its mark, and its name in English and Chinese."""


def look(label: str) -> Look:
    return LOOKS.get(label, _OTHER)


def zh(label: str) -> str:
    return look(label).zh or label


def row_zh(name: str) -> str:
    """`face-2` → 人脸 2."""
    kind, _, number = name.partition("-")
    return f"{_ROWS_ZH.get(kind, kind)} {number}".strip()


def event(kind: str) -> tuple[str, str, str]:
    return EVENTS.get(kind, ("!", kind, kind))


def remark_zh(note: str) -> str:
    """`face happiness, text anger` → 人脸高兴，文字愤怒."""
    said = (one.split(", ") for one in note.split("; "))
    return "；".join("，".join(map(_row_and_label_zh, pairs)) for pairs in said)


def _row_and_label_zh(pair: str) -> str:
    row, _, label = pair.partition(" ")
    return row_zh(row) + zh(label) if label else in_chinese(row)


def sign(name: str, value: float) -> tuple[str, str, str, str]:
    """Of a sign (`pitch median, Hz`) its name and its value, in English and in Chinese."""
    called, _, unit = name.partition(", ")
    # Two places at most: a head turned by 0.0246 is not turned.
    number = f"{value:.0f}" if abs(value) >= 100 else f"{round(float(f'{value:.3g}'), 2) + 0.0:g}"
    return (
        called,
        f"{number} {unit}".strip(),
        _SIGNS_ZH.get(called, called),
        f"{number} {_UNITS_ZH.get(unit, unit)}".strip(),
    )


def ranked(one: Evidence) -> list[tuple[str, float]]:
    """Label and probability, the likeliest first; of what has no emotion (a post) the sentiment."""
    return sorted((one.emotion or one.sentiment).items(), key=lambda pair: -pair[1])


def drawn(timeline: Timeline) -> list[str]:
    """The labels that are to be seen somewhere: of every row, and of evidence without emotions."""
    felt = (one.sentiment for one in timeline.evidence if not one.emotion)
    return list(dict.fromkeys([*timeline.labels, *(label for told in felt for label in told)]))


def moment(one: Evidence) -> float:
    """When it shows: of a face where it shows best, else where it begins."""
    return one.start if one.at is None else one.at


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


def calm(timeline: Timeline) -> tuple[str, tuple[str, ...]]:
    """What such an estimate is and is not, and the other notes."""
    said = [note for note in timeline.notes if note.startswith(CALM[:18])]
    rest = tuple(note for note in timeline.notes if note not in said)
    return (said or [CALM])[0], rest


def leading(timeline: Timeline) -> Row:
    """The row that sums up the others."""
    return timeline.rows.get("fused") or next(iter(timeline.rows.values()))


def kinds(timeline: Timeline) -> list[str]:
    """The rows that were read, without the one that sums them up where there are others."""
    return [name for name in timeline.rows if name != "fused"] or list(timeline.rows)


def shares(timeline: Timeline) -> dict[str, float]:
    """Label → mean probability over what was seen, in the order of the labels."""
    row = leading(timeline)
    seen = max(1, sum(row.seen))
    return {label: sum(row.probabilities.get(label, ())) / seen for label in timeline.labels}


def size(timeline: Timeline) -> str:
    """How much was read."""
    count, length = len(timeline.evidence), _length(timeline, "s")
    if not count:
        return " · ".join([*length, "no signs"])
    rows = _read_rows(timeline)
    if rows == ["text"]:
        unit = "cue" if length else "sentence"
        return " in ".join([f"{count} {unit}{'' if count == 1 else 's'}", *length])
    faces = sum(name.startswith("face") for name in rows)
    told = [name for name in rows if not name.startswith("face")]
    many = {0: [], 1: ["a face"]}.get(faces, [f"{faces} faces"])
    return " · ".join([*length, ", ".join([*told, *many])])


def size_zh(timeline: Timeline) -> str:
    count, length = len(timeline.evidence), _length(timeline, "秒")
    if not count:
        return " · ".join([*length, "没有迹象"])
    rows = _read_rows(timeline)
    if rows == ["text"]:
        return "，".join([f"{count} 条字幕", *length]) if length else f"{count} 句"
    faces = sum(name.startswith("face") for name in rows)
    told = [row_zh(name) for name in rows if not name.startswith("face")]
    many = [f"{faces} 张人脸"] if faces else []
    return " · ".join([*length, "、".join([*told, *many])])


def _read_rows(timeline: Timeline) -> list[str]:
    """By their signs: rows of the timeline, and what stands beside them (a post)."""
    beside = (one.row for one in timeline.evidence if one.row not in timeline.rows)
    rows = [name for name in timeline.rows if name != "fused"]
    return list(dict.fromkeys([*rows, *beside]))


def _length(timeline: Timeline, second: str) -> list[str]:
    """Nothing for a moment, or where there is no time."""
    length = timeline.grid.count * timeline.grid.every
    if timeline.grid.count == 1 or timeline.grid.unit == SENTENCES:
        return []
    return [clock(length) if length >= 60 else f"{length:g} {second}"]


def strongest(timeline: Timeline) -> Sequence[str]:
    """Labels in their order that are the likeliest of some step."""
    seen = {one.label for one in timeline.evidence}
    return [label for label in timeline.labels if label in seen]

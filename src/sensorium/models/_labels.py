"""Labels of strangers' classifiers as ours: what `id2label` says, in English or Chinese.

Several of theirs may be one of ours (`joy` and `love`, `calm` and `neutral`, one and two stars);
their probabilities are added. What is no feeling that we name stays as it is, behind ours.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sensorium.errors import InputError
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import Floats
from sensorium.runtime.checkpoint import Checkpoint

SENTIMENT, EMOTION = "sentiment", "emotion"
SENTIMENTS = ("negative", "neutral", "positive")

# Emotions beyond Ekman's are where GoEmotions' authors put them (Demszky et al., ACL 2020,
# `ekman_mapping.json`); calm and boredom are neutral for whoever asks what is felt.
_EMOTIONS = {
    "anger": "angry ang mad fury furious rage annoyance annoyed irritated disapproval hostile "
    "愤怒 生气 怒 愤 气愤 恼怒 发怒",
    "disgust": "disgusted dis disgusting revulsion 厌恶 恶心 反感 嫌弃 讨厌 憎恶 恶",
    "fear": "fearful fea afraid scared anxious anxiety nervous nervousness terror worry worried "
    "恐惧 害怕 恐 惧 惊恐 惊慌 担心 焦虑 紧张",
    "happiness": "happy hap joy joyful enjoyment love amusement amused excited exc excitement "
    "gratitude admiration approval caring desire optimism pride relief elation cheerful laughter "
    "开心 高兴 快乐 喜悦 喜 乐 愉快 幸福 喜爱 喜欢 好 爱 欣喜 欢乐 兴奋",
    "sadness": "sad sorrow grief disappointment disappointed embarrassment remorse depressed "
    "depression unhappy 悲伤 难过 伤心 悲 哀 哀伤 悲哀 忧伤 沮丧 低落 失望",
    "surprise": "surprised surp sur astonished astonishment amazed ps pleasant_surprise "
    "pleasant_surprised confusion curiosity realization 惊讶 惊奇 吃惊 惊 惊喜 诧异 意外",
    "neutral": "neu none calm calmness boredom bored bor no_emotion "
    "中性 中立 平静 平淡 无聊 无情绪 冷静 无",
}
_SENTIMENTS = {
    "negative": "neg very_negative slightly_negative bad 1_star 2_star 1_stars 2_stars one_star "
    "two_stars 负面 负向 消极 负 差评 非常负面 贬义 一星 二星 1星 2星",
    "neutral": "neu 3_star 3_stars three_stars 中性 中立 中评 三星 3星",
    "positive": "pos very_positive slightly_positive good 4_star 5_star 4_stars 5_stars four_stars "
    "five_stars 正面 正向 积极 正 好评 非常正面 褒义 四星 五星 4星 5星",
}
_UNNAMED = re.compile(r"(label|class|unused)?_?\d+")
_SPEAKER = re.compile(r"^(female|male|女|男)_(?=.)")


def _by_name(table: Mapping[str, str]) -> dict[str, str]:
    return {name: ours for ours, names in table.items() for name in (ours, *names.split())}


_OURS = {SENTIMENT: _by_name(_SENTIMENTS), EMOTION: _by_name(_EMOTIONS)}
_ORDER = {SENTIMENT: SENTIMENTS, EMOTION: EMOTIONS}


@dataclass(frozen=True)
class Folding:
    """head: `sentiment` or `emotion`, whichever more of the labels are. labels: ours that occur, in
    our order, then the unknown ones. places: of each label given, its place in `labels`."""

    head: str
    labels: tuple[str, ...]
    unknown: tuple[str, ...]
    places: tuple[int, ...]

    @cached_property
    def _sums(self) -> Floats:
        sums = np.zeros((len(self.places), len(self.labels)), np.float32)
        sums[np.arange(len(self.places)), list(self.places)] = 1
        return sums

    def __call__(self, probabilities: Floats) -> Floats:
        """float32 (n, labels given), none below 0 → float32 (n, labels), rows that sum to 1."""
        made: Floats = np.asarray(probabilities, np.float32) @ self._sums
        made /= np.maximum(made.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return made


def folding(labels: Sequence[str]) -> Folding:
    """How labels become ours."""
    names = [_plain(label) for label in labels]
    known = {head: sum(_ours(head, name) is not None for name in names) for head in _OURS}
    head = SENTIMENT if known[SENTIMENT] > known[EMOTION] else EMOTION
    ours = [_ours(head, name) for name in names]
    unknown = [label for label, name in zip(labels, ours, strict=True) if name is None]
    unknown = list(dict.fromkeys(unknown))
    made = [*(name for name in _ORDER[head] if name in ours), *unknown]
    places = [made.index(name or label) for label, name in zip(labels, ours, strict=True)]
    return Folding(head, tuple(made), tuple(unknown), tuple(places))


def fold(labels: Sequence[str], probabilities: Floats) -> tuple[tuple[str, ...], Floats]:
    """float32 (n, labels), none below 0 → our labels, and float32 (n, ours) whose rows sum to 1.

    What is no label of ours comes last, as it was called.
    """
    how = folding(labels)
    return how.labels, how(probabilities)


def as_emotions(labels: Sequence[str], probabilities: Floats) -> Floats:
    """float32 (n, labels given) → float32 (n, 7) in the order of `EMOTIONS`, rows that sum to 1
    over ours; a row of nothing that is ours is all zeros."""
    how = folding(labels)
    told = how(probabilities)
    found = np.zeros((len(told), len(EMOTIONS)), np.float32)
    for at, label in enumerate(how.labels):
        if label in EMOTIONS:
            found[:, EMOTIONS.index(label)] = told[:, at]
    made: Floats = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)
    return made


def foreign_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """What is none of `EMOTIONS`."""
    return tuple(one for one in folding(labels).labels if one not in EMOTIONS)


def stated_labels(checkpoint: Checkpoint) -> tuple[str, ...]:
    """What `id2label` says, in the order of the logits.

    Raises InputError where it says nothing, or numbers alone: what they mean stands nowhere.
    """
    table: dict[str, Any] = checkpoint.config.get("id2label") or {}
    try:
        labels = tuple(str(table[key]) for key in sorted(table, key=int))
    except ValueError as error:
        raise InputError(f"{checkpoint.spec}: its id2label is not by number", str(error)) from error
    stars = {_plain(one) for one in labels} == set("12345")
    if stars:
        return tuple(f"{one} stars" for one in labels)
    if not labels or all(_UNNAMED.fullmatch(_plain(one)) for one in labels):
        raise InputError(
            f"{checkpoint.spec} does not say what its classes are",
            why=f"its id2label has {', '.join(labels[:3]) or 'nothing'}",
            hint="write their names into id2label of its config.json, as its card tells them: "
            '{"0": "negative", "1": "positive"}',
        )
    return labels


def _plain(label: str) -> str:
    """Lower case, words joined by `_`."""
    return re.sub(r"[\s\-_]+", "_", label.strip().casefold()).strip("_")


def _ours(head: str, name: str) -> str | None:
    """Of a plain name, ours; of several in two languages (`生气/angry`) the first that is known."""
    table = _OURS[head]
    for part in (name, *re.split(r"[/|(（)）,]", name)):
        part = _SPEAKER.sub("", part.strip("_"))
        if part in table:
            return table[part]
    return None

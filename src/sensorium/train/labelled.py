"""Texts with what is felt in them: read, cleaned, and split so that near-duplicates stay together.

No torch here: a baseline of any kind reads the same rows and the same split.
"""

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensorium.groups import Groups
from sensorium.models._labels import SENTIMENTS
from sensorium.models.text_emotion import without_addresses
from sensorium.results.timeline import EMOTIONS
from sensorium.train.readers.parquet import table_rows

_EMOTICON = re.compile(r"\[[^\[\]\s]{1,8}\]")
# Sets whose labels were made out of the emoticons that stand in their texts.
_BY_EMOTICON = frozenset({"weibo_senti_100k"})
_NEEDED = ("text", "language", "source", "sentiment", "emotion", "split")
_COMMON = 200  # texts that share a stretch, from which it tells nothing


@dataclass(frozen=True, slots=True)
class Labelled:
    """sentiment, emotion: places in `SENTIMENTS` and `EMOTIONS`, -1 where the row has none.
    two: its set knows no neutral. held: it is not trained on."""

    text: str
    language: str
    source: str
    sentiment: int
    emotion: int
    two: bool
    held: bool


def read_labelled(path: Path, share: float = 0.1, seed: int = 0) -> list[Labelled]:
    """The rows with a sentiment or an emotion.

    The file has the columns `text`, `language`, `source`, `sentiment`, `emotion`, `split`. Held
    back are the rows of the split “dev”, and `share` of a set that has none, by whole groups of
    near-duplicates; a row to train on that is a near-duplicate of one held back is dropped.
    """
    rows = [row for row in table_rows(path, _NEEDED) if row["sentiment"] or row["emotion"]]
    sources = sorted({row["source"] for row in rows})
    own = {row["source"] for row in rows if row["split"] == "dev"}
    two = {name for name in sources if not _has_neutral(rows, name)}
    texts = [clean(row["text"], row["source"]) for row in rows]
    group = near_duplicates(texts)
    drawn = np.random.default_rng(seed).random(int(group.max()) + 1) < share
    held = [
        row["split"] == "dev" if row["source"] in own else bool(drawn[of])
        for row, of in zip(rows, group, strict=True)
    ]
    apart = {int(of) for of, back in zip(group, held, strict=True) if back}
    return [
        Labelled(
            text,
            row["language"],
            row["source"],
            _place(SENTIMENTS, row["sentiment"]),
            _place(EMOTIONS, row["emotion"]),
            row["source"] in two,
            back,
        )
        for row, text, of, back in zip(rows, texts, group, held, strict=True)
        if text and (back or int(of) not in apart)
    ]


def clean(text: str, source: str = "") -> str:
    """As the model reads it; without emoticons where they made the labels."""
    return without_addresses(_EMOTICON.sub(" ", text) if source in _BY_EMOTICON else text)


def near_duplicates(
    texts: Sequence[str], alike: Iterable[tuple[int, int]] = ()
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """A group number a text: those that share a stretch of letters are one group, and those of
    `alike`, pairs of places.

    A stretch is 24 letters, or 10 where the text is Chinese; one in eight of them is looked at,
    chosen by its own hash (Manber, Finding Similar Files, USENIX 1994), so that a long part of a
    sentence finds the sentence; a part of few words may be missed.
    """
    holders: dict[int, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        for mark in _marks(text):
            holders[mark].append(number)
    groups = Groups[int]()
    for several in holders.values():
        if len(several) < _COMMON:
            for other in several[1:]:
                groups.join(several[0], other)
    for one, other in alike:
        groups.join(one, other)
    _, group = np.unique([groups.first(one) for one in range(len(texts))], return_inverse=True)
    return group.astype(np.int64)


def _marks(text: str) -> set[int]:
    letters = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
    data = letters.encode("utf-32-le")
    wide = 4 * (10 if any("\u4e00" <= c <= "\u9fff" for c in letters) else 24)
    if len(data) <= wide:
        return {zlib.crc32(data)}
    hashes = {zlib.crc32(data[at : at + wide]) for at in range(0, len(data) - wide + 1, 4)}
    return {one for one in hashes if one % 8 == 0} or {min(hashes)}


def _has_neutral(rows: Sequence[dict[str, str]], source: str) -> bool:
    return any(row["sentiment"] == "neutral" for row in rows if row["source"] == source)


def _place(labels: Sequence[str], label: str | None) -> int:
    return labels.index(label) if label in labels else -1

"""Acted voices with what is felt in them: read, made into mel bands, split by who speaks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, SensoriumError
from sensorium.media import Audio, Media, Video
from sensorium.models.voice_emotion import RATE, prepared
from sensorium.train.pair import Bad
from sensorium.train.readers.parquet import table_rows

_NEEDED = ("audio", "emotion", "corpus", "speaker", "language")
KINDS_OF_CALM = frozenset({"neutral", "calm", "boredom"})


@dataclass(frozen=True)
class Voice:
    """mel: float16 (80, frames)."""

    mel: NDArray[np.float16]
    emotion: str
    corpus: str
    speaker: str
    language: str


def read_voices(path: Path, bad: list[Bad]) -> Iterator[Voice]:
    """The rows of a parquet file with the columns `audio` (an encoded sound), `emotion`, `corpus`,
    `speaker` and `language`; what cannot be used is put into `bad`."""
    for number, row in enumerate(table_rows(path, _NEEDED)):
        try:
            yield _voice(row)
        except SensoriumError as error:
            bad.append(Bad(f"{path} row {number}", str(error)))


def _voice(row: dict[str, Any]) -> Voice:
    if not row["audio"] or not row["emotion"]:
        raise InputError("it has no sound or no emotion")
    sound = cast(Audio | Video, Media.of(row["audio"], Audio, Video))
    mel = prepared(np.concatenate([piece.samples for piece in sound.sound(RATE)]))
    if mel is None:
        raise InputError("it is silent")
    told = (row[name] or "" for name in _NEEDED[1:])
    return Voice(mel.astype(np.float16), *told)


@dataclass(frozen=True)
class Voices:
    """Rows as numbers. labels: places in `names`. corpora: the corpus of each. candidates: bool
    (n, names), the labels that a row's own has to win against."""

    names: tuple[str, ...]
    mels: list[NDArray[np.float16]]
    labels: NDArray[np.int64]
    corpora: NDArray[np.str_]
    speakers: NDArray[np.str_]
    languages: tuple[str, ...]
    candidates: NDArray[np.bool]
    own: NDArray[np.bool]

    @classmethod
    def of(cls, voices: Sequence[Voice]) -> "Voices":
        names = tuple(sorted({voice.emotion for voice in voices}))
        labels = np.array([names.index(voice.emotion) for voice in voices], np.int64)
        corpora = np.array([voice.corpus for voice in voices])
        own = np.zeros((len(voices), len(names)), np.bool)
        for corpus in np.unique(corpora):
            there = corpora == corpus
            own[np.ix_(there, np.unique(labels[there]))] = True
        return cls(
            names,
            [voice.mel for voice in voices],
            labels,
            corpora,
            np.array([voice.speaker for voice in voices]),
            tuple(sorted({voice.language for voice in voices} - {""})),
            _candidates(names, labels, own),
            own,
        )

    def __len__(self) -> int:
        return len(self.mels)

    def take(self, chosen: NDArray[np.int64]) -> "Voices":
        return Voices(
            self.names,
            [self.mels[at] for at in chosen],
            self.labels[chosen],
            self.corpora[chosen],
            self.speakers[chosen],
            self.languages,
            self.candidates[chosen],
            self.own[chosen],
        )

    def chances(self) -> NDArray[np.float64]:
        """How probable each row is to be drawn: a corpus, and a class in it, by the root of its
        size."""
        _, corpus, many = np.unique(self.corpora, return_inverse=True, return_counts=True)
        cells = corpus * len(self.names) + self.labels
        _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
        weight = 1 / np.sqrt(counts[cell])
        for number, size in enumerate(many):
            weight[corpus == number] *= np.sqrt(size) / weight[corpus == number].sum()
        drawn: NDArray[np.float64] = weight / weight.sum()
        return drawn


def _candidates(
    names: Sequence[str], labels: NDArray[np.int64], own: NDArray[np.bool]
) -> NDArray[np.bool]:
    """The corpus' own labels and, where somebody feels something, all: what is anger is not calm in
    any corpus, but what one corpus calls neutral another may call calm."""
    still = np.array([names[label] in KINDS_OF_CALM for label in labels])
    return np.asarray(own | ~still[:, None], np.bool)

"""The project's own reader of what is felt in a text, made by `train/recipes/text_emotion.py`.

A folder of this family holds `model.onnx` (`ids`, `mask`, `letters` → `logits`), `tokenizer.json`
and a `config.json`:

    sentiment   labels of the first logits
    emotion     labels of the rest
    text        max_length in pieces, both ends among them; letters, the most that are read
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from sensorium.errors import InputError
from sensorium.models._words import without_marks
from sensorium.roles import Floats, TextClassifier
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.softmax import softmax

ROLES = (TextClassifier,)
_SAID = ("sentiment", "emotion", "text.max_length", "text.letters")
_AT_ONCE = 64
_LINK = re.compile(r"https?://[\x21-\x7e]+|\{%.*?%\}")
_NAME = re.compile(r"@[\w-]+[::]?")
_WORD = "▁"  # how a piece says that a word begins


def without_addresses(text: str) -> str:
    """Links and names of accounts off, single spaces: as the model's texts were."""
    return " ".join(_NAME.sub(" ", _LINK.sub(" ", text)).split())


def code_points(text: str, longest: int) -> list[int]:
    """The letters that a model reads beside the pieces: in lower case, a space at both ends."""
    return [ord(one) for one in f" {unicodedata.normalize('NFKC', text).lower()} "[:longest]]


def load(checkpoint: Checkpoint, device: Device) -> "TextEmotionReader":
    return TextEmotionReader(checkpoint, device)


class TextEmotionReader:
    """See `roles.TextClassifier`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        self.provenance = checkpoint.provenance
        self.heads = {name: tuple(config[name]) for name in ("sentiment", "emotion")}
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))
        path = checkpoint.folder / "tokenizer.json"
        if not path.is_file():
            raise InputError(f"{checkpoint.spec} cannot be opened", "it has no tokenizer.json")
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(config["text"]["max_length"])
        self._letters = int(config["text"]["letters"])

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        sizes = [len(labels) for labels in self.heads.values()]
        logits = np.empty((len(texts), sum(sizes)), np.float32)
        bare = [without_addresses(text) for text in texts]
        rows = [one.ids for one in self._tokenizer.encode_batch(bare)]
        letters = [code_points(text, self._letters) for text in bare]
        # Texts of like length go together: a batch is as slow as its longest text.
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            logits[chosen] = self._logits(
                [rows[at] for at in chosen], [letters[at] for at in chosen]
            )
        parts = np.split(logits, np.cumsum(sizes)[:-1], axis=1)
        return {name: softmax(part) for name, part in zip(self.heads, parts, strict=True)}

    def _logits(self, rows: list[list[int]], letters: list[list[int]]) -> Floats:
        ids = filled(rows, 1)
        mask = filled([[1] * len(row) for row in rows], 0)
        feeds = {"ids": ids, "mask": mask, "letters": filled(letters, 0)}
        logits: Floats = self._session.run(feeds)["logits"]
        return logits

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        pieces = _joined(text, self._tokenizer.encode(text, add_special_tokens=False))
        bare = (without_marks(text, *place) for place in pieces)
        return tuple((start, end) for start, end in bare if start < end)


def _joined(text: str, encoded: Encoding) -> Iterator[tuple[int, int]]:
    """The pieces of a word of Latin letters as one; Chinese pieces are words already."""
    place: tuple[int, int] | None = None
    for token, (start, end) in zip(encoded.tokens, encoded.offsets, strict=True):
        while start < end and text[start].isspace():
            start += 1
        if start == end or token == _WORD:  # a mark put before a word has the word's first letter
            continue
        joins = place is not None and not token.startswith(_WORD) and place[1] == start
        if joins and place is not None and text[place[1] - 1 : start + 1].isascii():
            place = place[0], end
            continue
        if place is not None:
            yield place
        place = start, end
    if place is not None:
        yield place


def filled(rows: Sequence[Sequence[int] | NDArray[np.int32]], value: int) -> NDArray[np.int64]:
    """`(n, longest)`, rows with `value` after their ends."""
    whole = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for at, row in enumerate(rows):
        whole[at, : len(row)] = row
    return whole

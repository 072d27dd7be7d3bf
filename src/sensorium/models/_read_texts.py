"""Texts through a classifier of the Hub: see `roles.TextClassifier`."""

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from sensorium.models._classifiers import Classifier, open_classifier
from sensorium.models._words import TokenizerFiles, WordSteps, without_marks
from sensorium.roles import Floats
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

_AT_ONCE = 32


class TextReader:
    """See `roles.TextClassifier`; its one head is `sentiment` or `emotion`, as its labels are."""

    def __init__(
        self, checkpoint: Checkpoint, classifier: Classifier, words: WordSteps, tokenizer: Tokenizer
    ) -> None:
        self.provenance = checkpoint.provenance
        how = classifier.folding
        self.heads = {how.head: how.labels}
        self.unknown = how.unknown
        self._head = how.head
        self._classifier = classifier
        self._words = words
        self._tokenizer = tokenizer

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        found = np.empty((len(texts), len(self.heads[self._head])), np.float32)
        # Texts of like length go together: a batch is as slow as its longest text.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            found[chosen] = self._classifier(self._words([texts[at] for at in chosen]))
        return {self._head: found}

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        """Pieces of one word are one, but for Chinese: there a piece stands for itself."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        places: list[tuple[int, int]] = []
        before: int | None = None
        for word, (start, end) in zip(encoded.word_ids, encoded.offsets, strict=True):
            start, end = without_marks(text, start, end)
            if start == end:
                continue
            follows = bool(places) and word == before and places[-1][1] == start
            joins = follows and text[start - 1 : start + 1].isascii()
            # The bytes of one letter are several pieces in one place.
            if joins or (places and start < places[-1][1]):
                places[-1] = places[-1][0], max(end, places[-1][1])
            else:
                places.append((start, end))
            before = word
        return tuple(places)


def open_reader(
    checkpoint: Checkpoint,
    device: Device,
    name: str,
    tokenizer: Tokenizer,
    padding: str,
    *,
    types: bool = False,
) -> TextReader:
    """name: transformers' class. padding: the token where the checkpoint names none. types: whether
    the class takes `token_type_ids`.
    """
    inputs = ("input_ids", "attention_mask", *(("token_type_ids",) if types else ()))
    classifier = open_classifier(checkpoint, device, name, inputs)
    files = TokenizerFiles(checkpoint)
    words = WordSteps(
        tokenizer, files.limit(_positions(checkpoint)), files.padding(tokenizer, padding)
    )
    # Where words stand is asked of whole texts: this one neither cuts nor pads.
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    return TextReader(checkpoint, classifier, words, whole)


def _positions(checkpoint: Checkpoint) -> int:
    """Pieces that the table of positions has room for; RoBERTa and its kin begin to count after
    the number of the padding."""
    config = checkpoint.config
    table = int(config.get("max_position_embeddings", 512))
    if "roberta" in str(config.get("model_type")):
        return table - int(config.get("pad_token_id", 1)) - 1
    return table

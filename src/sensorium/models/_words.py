"""From a text to the numbers that a network takes, by the checkpoint's own tokenizer."""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from sensorium.errors import InputError
from sensorium.runtime.checkpoint import Checkpoint

Words = Callable[[Sequence[str]], dict[str, NDArray[np.int64]]]
"""n texts → `input_ids`, `attention_mask`, `token_type_ids`, each int64 (n, tokens)."""

# Longer than any position table: transformers writes 1e30 where a tokenizer knows no limit.
_NO_LIMIT = 1_000_000
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Padding:
    """length: every text is padded to it, 0 for the longest of the call. side: `right`, `left`."""

    token: str
    number: int
    length: int = 0
    side: str = "right"


class WordSteps:
    """Clean, tokenize, truncate, pad. Safe to call from several threads."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        limit: int,
        padding: Padding,
        clean: Callable[[str], str] | None = None,
    ) -> None:
        """limit: tokens that a text may have, those that are added at its ends among them."""
        self._clean = clean
        self._tokenizer = tokenizer
        tokenizer.enable_truncation(limit)
        tokenizer.enable_padding(
            direction=padding.side,
            pad_id=padding.number,
            pad_token=padding.token,
            length=padding.length or None,
        )

    def __call__(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """See `Words`."""
        cleaned = [self._clean(text) for text in texts] if self._clean else list(texts)
        encoded = self._tokenizer.encode_batch(cleaned)
        return {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
            "token_type_ids": np.array([one.type_ids for one in encoded], np.int64),
        }


@dataclass(frozen=True)
class TokenizerFiles:
    """folder: where in the checkpoint the tokenizer's files are, empty for its root."""

    checkpoint: Checkpoint
    folder: str = ""

    def name(self, name: str) -> str:
        return str(PurePosixPath(self.folder, name))

    def has(self, *names: str) -> bool:
        return all(self.checkpoint.has(self.name(name)) for name in names)

    def path(self, name: str) -> str:
        return str(self.checkpoint.folder / self.name(name))

    @property
    def settings(self) -> Mapping[str, Any]:
        """`tokenizer_config.json`, empty where there is none."""
        name = self.name("tokenizer_config.json")
        return self.checkpoint.read_json(name) if self.checkpoint.has(name) else {}

    def ready_made(self) -> Tokenizer:
        """`tokenizer.json`, without the truncation and padding that it may have been saved with."""
        if not self.has("tokenizer.json"):
            raise InputError(
                f"{self.checkpoint.spec} has no tokenizer that we can read",
                why=f"there is no {self.name('tokenizer.json')}",
                hint="AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers makes it",
            )
        try:
            tokenizer: Tokenizer = Tokenizer.from_file(self.path("tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exceptions
            where = self.path("tokenizer.json")
            raise InputError(f"{where} cannot be read", str(error)) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def limit(self, positions: int) -> int:
        """Tokens that a text may have: the tokenizer's own limit, within `positions`."""
        stated = self.settings.get("model_max_length") or _NO_LIMIT
        return positions if stated >= _NO_LIMIT else min(int(stated), positions)

    def padding(self, tokenizer: Tokenizer, unsaid: str, length: int = 0) -> Padding:
        """The checkpoint's padding token and side; `unsaid`: the token where it names none."""
        token = self._token("pad_token") or unsaid
        number = tokenizer.token_to_id(token)
        if number is None:
            raise InputError(
                f"{self.checkpoint.spec} pads its texts with “{token}”",
                why="its tokenizer has no such token",
            )
        side = str(self.settings.get("padding_side") or "right")
        return Padding(token, number, length, side)

    def number(self, tokenizer: Tokenizer, kind: str) -> int:
        """The id of a special token (`sep_token`), -1 where there is none."""
        number = tokenizer.token_to_id(self._token(kind))
        return -1 if number is None else int(number)

    def _token(self, kind: str) -> str:
        """A special token as either file writes it: a string, or an object with `content`."""
        named = self.settings.get(kind)
        if named is None and self.has("special_tokens_map.json"):
            named = self.checkpoint.read_json(self.name("special_tokens_map.json")).get(kind)
        return str(named["content"] if isinstance(named, dict) else named or "")


def canonical(text: str, lower: bool = True) -> str:
    """As texts were when SigLIP and its kin learnt: lower case, single spaces, no ASCII
    punctuation."""
    text = text.lower() if lower else text
    return " ".join(text.translate(_PUNCTUATION).split())


def byte_pair_tokenizer(files: TokenizerFiles, start: str, end: str) -> Tokenizer:
    """CLIP's tokenizer out of `vocab.json` and `merges.txt`, where `tokenizer.json` is missing.

    Lower case, split into words, numbers one digit at a time, bytes paired by the merges; `start`
    and `end` about every text.
    """
    model = models.BPE.from_file(
        files.path("vocab.json"),
        files.path("merges.txt"),
        unk_token=end,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    ends_in_text = rf"{re.escape(start)}|{re.escape(end)}"
    pieces = rf"{ends_in_text}|'s|'t|'re|'ve|'m|'ll|'d|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([start, end])
    ends = [(one, tokenizer.token_to_id(one)) for one in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(f"{start} $A {end}", None, ends)
    return tokenizer


def byte_level_tokenizer(files: TokenizerFiles) -> Tokenizer:
    """RoBERTa's tokenizer out of `vocab.json` and `merges.txt`, where `tokenizer.json` is missing:
    GPT-2's pairs of bytes, `<s>` and `</s>` about every text."""
    model = models.BPE.from_file(files.path("vocab.json"), files.path("merges.txt"))
    tokenizer = Tokenizer(model)
    spaced = bool(files.settings.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    first, last = ((one, tokenizer.token_to_id(one) or 0) for one in ("<s>", "</s>"))
    tokenizer.post_processor = processors.RobertaProcessing(
        last, first, trim_offsets=True, add_prefix_space=spaced
    )
    return tokenizer


def piece_tokenizer(files: TokenizerFiles) -> Tokenizer:
    """BERT's, of whichever files there are."""
    if files.has("vocab.txt") and not files.has("tokenizer.json"):
        return word_piece_tokenizer(files)
    return files.ready_made()


def word_piece_tokenizer(files: TokenizerFiles) -> Tokenizer:
    """BERT's tokenizer out of `vocab.txt`, where `tokenizer.json` is missing.

    Lower case and Chinese characters apart, unless `tokenizer_config.json` says otherwise.
    """
    says = files.settings
    tokenizer = Tokenizer(models.WordPiece.from_file(files.path("vocab.txt"), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=says.get("tokenize_chinese_chars", True),
        strip_accents=says.get("strip_accents"),
        lowercase=says.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"])
    ends = [(one, tokenizer.token_to_id(one)) for one in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    return tokenizer


def without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch of a text without the spaces and marks at its ends."""
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end

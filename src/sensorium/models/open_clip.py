"""OpenCLIP: CLIP's kin as trained with open_clip, among them the towers that read many languages
(XLM-RoBERTa, NLLB).

Reproducible scaling laws for contrastive language-image learning, Cherti et al. 2022,
https://arxiv.org/abs/2212.07143; NLLB-CLIP, Visheratin 2023, https://arxiv.org/abs/2309.01859.
Two layouts: `open_clip_config.json` beside weights, tokenizer and perhaps `onnx/`; and graphs
alone, `visual/` with `preprocess_cfg.json`, `textual/` with the tokenizer, and OpenCLIP's model in
`config.json`. Texts are always padded to the context length. Their cleaning follows open_clip but
for ftfy, of which only the everyday repairs are made (curly quotes, full-width signs), not that of
garbled encodings.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sensorium.errors import InputError
from sensorium.models._pictures import open_clip_steps
from sensorium.models._towers import (
    Networks,
    Outputs,
    Steps,
    Tower,
    TwoTowers,
    exponent,
    open_towers,
)
from sensorium.models._words import (
    Padding,
    TokenizerFiles,
    Words,
    WordSteps,
    byte_pair_tokenizer,
    canonical,
)
from sensorium.roles import DualTower
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

MARKERS = ("open_clip_config.json", "visual/preprocess_cfg.json")
ROLES = (DualTower,)
# What open_clip assumes where a text tower names no context length.
_CONTEXT = 77


def load(checkpoint: Checkpoint, device: Device) -> TwoTowers:
    model, preprocess = _stated(checkpoint)

    def weights() -> Networks:
        return _networks(checkpoint, device)

    pictures = open_clip_steps(preprocess, model["vision_cfg"].get("image_size"))
    steps = Steps(pictures, _words(checkpoint, model["text_cfg"]))
    return open_towers(checkpoint, device, steps, Outputs(), weights)


def _stated(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, Any]]:
    """OpenCLIP's (model_cfg, preprocess_cfg), out of either layout."""
    if checkpoint.has(MARKERS[0]):
        config = checkpoint.read_json(MARKERS[0])
        model, preprocess = config.get("model_cfg"), config.get("preprocess_cfg") or {}
    else:
        model, preprocess = checkpoint.config, checkpoint.read_json(MARKERS[1])
    if not model or "vision_cfg" not in model or "text_cfg" not in model:
        raise InputError(f"{checkpoint.spec} does not describe an OpenCLIP model", "no model_cfg")
    return model, preprocess


def _networks(checkpoint: Checkpoint, device: Device) -> Networks:
    from sensorium.runtime.torch import TorchSession, load_open_clip, scalar

    module = load_open_clip(checkpoint.folder, device)
    image = TorchSession(module, "encode_image", ("image",), "image_embeds", device)
    text = TorchSession(module, "encode_text", ("text",), "text_embeds", device)
    return Networks(
        Tower(image, image.outputs),
        Tower(text, text.outputs),
        exponent(scalar(module, "logit_scale")),
        scalar(module, "logit_bias") or 0.0,
    )


def _words(checkpoint: Checkpoint, says: dict[str, Any]) -> Words:
    """Texts as open_clip's tokenizer for this text tower gives them."""
    if says.get("tokenizer_mode"):
        raise InputError(
            f"{checkpoint.spec} wants the tokenizer mode “{says['tokenizer_mode']}”",
            why="only open_clip's plain mode is known here",
        )
    files = TokenizerFiles(checkpoint, "" if checkpoint.has(MARKERS[0]) else "textual")
    options = says.get("tokenizer_kwargs") or {}
    context = int(says.get("context_length") or _CONTEXT)
    foreign = bool(says.get("hf_tokenizer_name"))
    clean = _CLEANING[options.get("clean") or ("whitespace" if foreign else "lower")]
    if not foreign:  # CLIP's own tokenizer, which open_clip pads with zeros
        tokenizer = _byte_pairs(files)
        zero = tokenizer.id_to_token(0) or ""
        return WordSteps(tokenizer, context, Padding(zero, 0, context), clean)
    tokenizer = files.ready_made()
    padding = files.padding(tokenizer, "<pad>", context)
    words = WordSteps(tokenizer, context, padding, clean)
    if options.get("strip_sep_token"):
        return _Without(words, files.number(tokenizer, "sep_token"))
    return _Spoken.of(words, tokenizer) or words


def _byte_pairs(files: TokenizerFiles) -> Tokenizer:
    if files.has("vocab.json", "merges.txt") and not files.has("tokenizer.json"):
        return byte_pair_tokenizer(files, "<|startoftext|>", "<|endoftext|>")
    return files.ready_made()


@dataclass(frozen=True)
class _Without:
    """Texts whose token `number` is blanked."""

    words: Words
    number: int

    def __call__(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        made = self.words(texts)
        ids = made["input_ids"]
        return {**made, "input_ids": np.where(ids == self.number, 0, ids)}


@dataclass(frozen=True)
class _Spoken:
    """NLLB's texts, which begin with their language: the checkpoint's own for most, for texts in
    Chinese characters, kana or Hangul the language that those tell. numbers: code → token."""

    words: Words
    numbers: dict[str, int]

    @classmethod
    def of(cls, words: WordSteps, tokenizer: Tokenizer) -> "_Spoken | None":
        """None for a tokenizer that does not begin with a language."""
        numbers = {code: tokenizer.token_to_id(code) for code in (*_SCRIPTS, "eng_Latn")}
        known = {code: number for code, number in numbers.items() if number is not None}
        if known != numbers or words([""])["input_ids"][0, 0] not in known.values():
            return None
        return cls(words, known)

    def __call__(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        made = self.words(texts)
        for row, text in zip(made["input_ids"], texts, strict=True):
            for code, script in _SCRIPTS.items():
                if script.search(text):
                    row[0] = self.numbers[code]
                    break
        return made


# Kana before Han: Japanese is written in both.
_SCRIPTS = {
    "jpn_Jpan": re.compile(r"[\u3041-\u30ff]"),
    "kor_Hang": re.compile(r"[\uac00-\ud7a3]"),
    "zho_Hans": re.compile(r"[\u3400-\u9fff]"),
}
_SIGNS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SIGNS |= {ord(sign): ord(plain) for sign, plain in zip("‘’‚‛“”„‟", "''''\"\"\"\"", strict=True)}


def _mended(text: str) -> str:
    text = unicodedata.normalize("NFC", text.translate(_SIGNS))
    return html.unescape(html.unescape(text))


def _single_spaced(text: str) -> str:
    return " ".join(_mended(text).split())


_CLEANING: dict[str, Callable[[str], str]] = {
    "whitespace": _single_spaced,
    "lower": lambda text: _single_spaced(text).lower(),
    "canonicalize": lambda text: canonical(_mended(text)),
}

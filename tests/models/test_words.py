"""Texts to token numbers: padding, cleaning, and what is said where a tokenizer is missing."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from sensorium.errors import InputError
from sensorium.models._words import Padding, TokenizerFiles, WordSteps, canonical
from sensorium.models.open_clip import _CLEANING
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.spec import Folder

WORDS = ["<pad>", "<unk>", "a", "dog", "cat"]


def files(folder: Path, **settings: object) -> TokenizerFiles:
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=40)  # as a checkpoint may have been saved
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return TokenizerFiles(Checkpoint(Folder(folder), folder, "1"))


def test_to_the_longest_of_the_call_or_to_a_length_and_to_either_side(tmp_path: Path) -> None:
    made = files(tmp_path).ready_made()
    ids = WordSteps(made, 3, Padding("<pad>", 0))(["a dog cat dog", "cat"])
    assert ids["input_ids"].tolist() == [[2, 3, 4], [4, 0, 0]]
    assert ids["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert ids["token_type_ids"].tolist() == [[0, 0, 0], [0, 0, 0]]
    made = files(tmp_path).ready_made()
    ids = WordSteps(made, 4, Padding("<pad>", 0, 4, "left"), str.lower)(["A DOG"])
    assert ids["input_ids"].tolist() == [[0, 0, 2, 3]]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({}, 77), ({"model_max_length": 1e30}, 77), ({"model_max_length": 9}, 9)],
)
def test_the_limit_is_the_smaller_one(
    tmp_path: Path, settings: dict[str, object], limit: int
) -> None:
    assert files(tmp_path, **settings).limit(77) == limit


@pytest.mark.parametrize("token", ["<pad>", {"content": "<pad>", "lstrip": False}])
def test_the_padding_is_the_checkpoints(tmp_path: Path, token: object) -> None:
    made = files(tmp_path, pad_token=token, padding_side="left")
    assert made.padding(made.ready_made(), "a", 5) == Padding("<pad>", 0, 5, "left")


def test_special_tokens_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    made = files(tmp_path)
    (tmp_path / "special_tokens_map.json").write_text('{"pad_token": "<pad>", "sep_token": "cat"}')
    tokenizer = made.ready_made()
    assert made.padding(tokenizer, "a").number == 0
    assert made.number(tokenizer, "sep_token") == 4
    with pytest.raises(InputError, match="pads its texts with “none”"):
        files(tmp_path, pad_token="none").padding(tokenizer, "a")


def test_a_missing_or_broken_tokenizer_is_said(tmp_path: Path) -> None:
    empty = TokenizerFiles(Checkpoint(Folder(tmp_path), tmp_path, "1"), "textual")
    with pytest.raises(InputError, match="no tokenizer"):
        empty.ready_made()
    made = files(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        made.ready_made()


def test_cleaning() -> None:
    assert canonical("  A Dog, running!\n(twice) 狗。") == "a dog running twice 狗。"
    assert canonical("A, B", lower=False) == "A B"
    assert _CLEANING["whitespace"]("a  “b” &amp;\tＣ，d") == 'a "b" & C,d'
    assert _CLEANING["lower"](" A\nB ") == "a b"
    assert _CLEANING["canonicalize"]("It’s A &lt;dog&gt;.") == "its a dog"

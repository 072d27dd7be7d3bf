from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from sensorium.train.words import SPECIAL, Numbered, hide, learn_tokenizer  # noqa: E402

TEXTS = ["a dog runs on the grass", "两只狗在草地上奔跑", "the dog and the cat"] * 20


def numbered(length: int = 12) -> Numbered:
    return Numbered(learn_tokenizer(TEXTS, 120), length)


def test_both_languages_are_cut_in_pieces() -> None:
    tokenizer = learn_tokenizer(TEXTS, 120)
    assert tokenizer.encode("The DOG").tokens == ["[CLS]", "the", "dog", "[SEP]"]
    assert tokenizer.encode("狗奔跑").tokens == ["[CLS]", "狗", "奔", "跑", "[SEP]"]
    assert [tokenizer.token_to_id(one) for one in SPECIAL] == [0, 1, 2, 3, 4]


def test_the_same_texts_give_the_same_numbers() -> None:
    one, other = (learn_tokenizer(TEXTS, 120).get_vocab() for _ in range(2))
    assert one == other


def test_numbers_are_cut_and_padded() -> None:
    ids, seen = numbered(6)(["dog", "the dog and the cat runs on the grass"])
    assert ids.shape == (2, 6)
    assert seen.sum(1).tolist() == [3, 6]
    assert ids[0, 3:].tolist() == [0, 0, 0]
    assert ids[1, -1] == 3


def test_hiding_as_bert_does() -> None:
    words = numbered(64)
    ids, _ = words([" ".join(TEXTS[:3])] * 400)
    shown, wanted = hide(ids, 0.15, words, [np.random.default_rng(n) for n in range(400)])
    hidden = wanted >= 0
    assert (wanted[hidden] == ids[hidden]).all()
    assert (shown[~hidden] == ids[~hidden]).all()
    assert not hidden[ids < len(SPECIAL)].any()
    pieces = (ids >= len(SPECIAL)).sum()
    assert hidden.sum() / pieces == pytest.approx(0.15, abs=0.02)
    assert (shown[hidden] == words.mask).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown[hidden] == ids[hidden]).mean() == pytest.approx(0.1, abs=0.03)


def test_a_tokenizer_of_ones_own_is_kept(tmp_path: Path) -> None:
    from sensorium.train.processes import Processes
    from sensorium.train.words import run_tokenizer

    learn_tokenizer(TEXTS, 60).save(str(tmp_path / "mine.json"))
    alone = Processes(0, 1, torch.device("cpu"))
    kept = run_tokenizer(tmp_path / "out", str(tmp_path / "mine.json"), [], 0, alone)
    assert kept.get_vocab_size() <= 60
    assert (tmp_path / "out" / "tokenizer.json").exists()

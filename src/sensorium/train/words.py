"""Words: a tokenizer learnt from the captions, and texts as rows of numbers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import (
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import Tensor

from sensorium.errors import InputError
from sensorium.train.losses import SHOWN
from sensorium.train.pair import Pair
from sensorium.train.processes import Processes

PAD, UNKNOWN, START, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENIZER = "tokenizer.json"


def learn_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """Byte pairs within words, up to `size` pieces; lower case, every Chinese character by itself
    (as BERT cuts words). The same texts give the same numbers, which the trainer of BERT's own
    WordPiece does not: it breaks ties by chance.

    Special pieces have the numbers 0 to 4, in the order of `SPECIAL`.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=None,
        special_tokens=[(one, SPECIAL.index(one)) for one in (START, END)],
    )
    return tokenizer


def run_tokenizer(
    out: Path, start: str, pairs: Iterable[Pair], size: int, processes: Processes
) -> Tokenizer:
    """The run's tokenizer: that of its folder where there is one, else the file `start`, else one
    learnt from the pairs. Learnt once, by the first process, and kept for when the run goes on.

    Raises InputError where `start` is no tokenizer.
    """
    path = out / TOKENIZER
    if processes.first and not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        texts = (text for pair in pairs for text in pair.texts)
        learnt = _read(start) if start else learn_tokenizer(texts, size)
        learnt.save(str(path))
    processes.wait()
    return Tokenizer.from_file(str(path))


def _read(path: str) -> Tokenizer:
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(f"{path} is no tokenizer", str(error), "a tokenizer.json") from error


class Numbered:
    """Texts as numbers, cut at `length` pieces, both ends among them, padded to the longest."""

    def __init__(self, tokenizer: Tokenizer, length: int) -> None:
        self.tokenizer = tokenizer
        self.length = length
        self.vocabulary = tokenizer.get_vocab_size()
        self.mask = tokenizer.token_to_id(MASK) or 0
        tokenizer.enable_truncation(length)
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id(PAD) or 0, pad_token=PAD)

    def __call__(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool]]:
        """n texts → numbers (n, tokens), and which of them are no padding."""
        encoded = self.tokenizer.encode_batch(list(texts))
        ids = np.array([one.ids for one in encoded], np.int64)
        return ids, np.array([one.attention_mask for one in encoded], np.bool)

    def tensors(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
        ids, seen = self(texts)
        return torch.from_numpy(ids).to(device), torch.from_numpy(seen).to(device)


def hide(
    ids: NDArray[np.int64],
    share: float,
    numbered: Numbered,
    randoms: Sequence[np.random.Generator],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """BERT's masking: of `share` of the pieces 8 in 10 become [MASK], 1 another, 1 stays.

    randoms: of each row. Gives what the model sees, and what it is to name, `SHOWN` elsewhere.
    """
    seen, wanted = ids.copy(), np.full_like(ids, SHOWN)
    for row, random in enumerate(randoms):
        places = np.flatnonzero(ids[row] >= len(SPECIAL))
        if not len(places):
            continue
        count = max(1, round(share * len(places)))
        for place in random.choice(places, count, replace=False):
            wanted[row, place] = ids[row, place]
            lot = random.random()
            if lot < 0.8:
                seen[row, place] = numbered.mask
            elif lot < 0.9:
                seen[row, place] = random.integers(len(SPECIAL), numbered.vocabulary)
    return seen, wanted

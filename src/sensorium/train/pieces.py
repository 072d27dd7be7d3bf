"""Prunes a SentencePiece unigram vocabulary to the pieces that two languages need."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

SPECIAL = 4  # <s>, <pad>, </s>, <unk>: XLM-R's first rows
WORD = "▁"


def unigram(pieces: list[str], scores: list[float], longest: int | None = None) -> Tokenizer:
    """A tokenizer over `pieces` that lowers case and frames a text with `<s>` and `</s>`."""
    made = Tokenizer(
        models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3, byte_fallback=False)
    )
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=WORD, prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement=WORD, prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    made.enable_padding(pad_id=1, pad_token="<pad>")
    if longest is not None:
        made.enable_truncation(longest)
    return made


def _is_han(text: str) -> bool:
    return bool(text) and all("\u4e00" <= c <= "\u9fff" for c in text)


def _is_latin(text: str) -> bool:
    return bool(text) and all("a" <= c <= "z" or c in "'-" for c in text)


def prune(pieces: list[str], scores: list[float], texts: Iterable[str], size: int) -> list[int]:
    """Rows to keep, at most `size`: what `texts` use, every Han character, then likely pieces.

    Likely pieces are the Han words and lower-case Latin pieces of the highest score that no text
    used: they carry words that a user has and our texts have not.
    """
    whole = unigram(pieces, scores)
    whole.no_padding()
    used: Counter[int] = Counter()
    texts = list(texts)
    for at in range(0, len(texts), 4096):
        for one in whole.encode_batch(texts[at : at + 4096], add_special_tokens=False):
            used.update(set(one.ids))
    kept = dict.fromkeys(range(SPECIAL))
    bare = [piece.lstrip(WORD) for piece in pieces]
    single = [
        i
        for i, b in enumerate(bare)
        if len(b) == 1 and (_is_han(b) or (b.isascii() and b == b.lower()))
    ]
    common = [i for i, n in used.most_common() if n >= 2]
    fill = sorted(
        (i for i, b in enumerate(bare) if _is_han(b) or _is_latin(b)), key=lambda i: -scores[i]
    )
    for group in (single, common, fill):
        for i in group:
            if len(kept) >= size:
                break
            kept[i] = None
    return sorted(kept)


def whole_words(pieces: list[str]) -> list[str]:
    """Pieces that are words by themselves: Latin ones of four letters or more, Han ones of two."""
    bare = [(piece, piece.lstrip(WORD)) for piece in pieces]
    return [
        b
        for p, b in bare
        if (_is_han(b) and len(b) > 1) or (p[0:1] == WORD and _is_latin(b) and len(b) > 3)
    ]

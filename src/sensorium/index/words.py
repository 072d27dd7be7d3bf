"""Full text: how words are cut before FTS5 sees them, and how they are asked for.

FTS5's unicode61 cuts at what is no letter, so a run of Chinese would be one word. Here a run of
Han, kana or hangul becomes its characters and its pairs of neighbours (bigrams: McNamee and
Mayfield 2004, "Character n-gram tokenization"), so that any part of a line, down to one character,
is found without a dictionary.
"""

import re
import unicodedata
from collections.abc import Iterable

_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u312f\u3131-\u318e"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U000323af"
)
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_ACCENTS = dict.fromkeys(range(0x300, 0x370))


def tokens(text: str) -> str:
    """`text` as the table `words` stores it: words of one case without accents, and for every run
    of CJK its characters and bigrams, separated by spaces."""
    return " ".join(_cut(text, whole=True))


def asked(query: str) -> tuple[str, ...]:
    """The different words that a query asks for, in its order: of a CJK run the bigrams, which say
    more than characters; a single letter only where nothing longer is asked."""
    found = tuple(dict.fromkeys(_cut(query, whole=False)))
    longer = tuple(word for word in found if len(word) > 1 or _IS_CJK.match(word))
    return longer or found


def match(query: str) -> str:
    """An FTS5 expression that any of the query's words satisfies; empty where it has none.

    How many of them a line has is `coverage`'s to say; FTS5's own AND would ask that one line
    hold them all, and a picture's words stand on several.
    """
    return " OR ".join(f'"{word}"' for word in asked(query))


def coverage(query: str, lines: Iterable[str]) -> float:
    """How much of what is asked the lines say together, 0 to 1, a word weighing its length."""
    words = asked(query)
    said = {token for line in lines for token in _cut(line, whole=True)}
    total = sum(len(word) for word in words)
    return sum(len(word) for word in words if word in said) / total if total else 0.0


def _cut(text: str, whole: bool) -> Iterable[str]:
    for run in _RUN.findall(plain(text)):
        if not _IS_CJK.match(run):
            yield run
            continue
        if whole or len(run) == 1:
            yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def plain(text: str) -> str:
    """One case, one width, no accents."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = unicodedata.normalize("NFD", folded).translate(_ACCENTS)
    return unicodedata.normalize("NFKC", bare)

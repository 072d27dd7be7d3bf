"""Bytes of a text to its words: which encoding was it written in?"""

import re

from sensorium.errors import InputError

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_PRIVATE = re.compile(r"[\ue000-\uf8ff]")  # what Western words become when taken for GB18030
_HIGH = re.compile(rb"[\x80-\xff]+")


_GUESSED = {"gb18030": "GB18030", "cp1252": "Windows-1252"}
"""Encodings that almost any bytes could be in, by their names; UTF-8 and UTF-16 show themselves."""


def decode_text(data: bytes, name: str) -> str:
    """UTF-8, UTF-16, GB18030, else Western European where that is plausible.

    Raises InputError, with `name`, for what no encoding makes into a text.
    """
    return _decoded(data, name)[0]


def guessed_encoding(data: bytes, name: str) -> str:
    """The name of the encoding that `decode_text` takes it to be in where the bytes do not show it:
    another may be meant, such as Big5. Empty where they do."""
    return _GUESSED.get(_decoded(data, name)[1], "")


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    """The words, and the codec."""
    if not data:
        raise InputError(name, "it is empty")
    for encoding in _candidates(data):
        try:
            words = data.decode(encoding)
        except UnicodeError:
            continue
        strays = len(_CONTROL.findall(words))
        if "\0" in words or strays * 100 > len(words):
            continue
        if encoding == "gb18030" and _PRIVATE.search(words):
            continue
        return _CONTROL.sub("", words) if strays else words, encoding
    raise InputError(name, "it is no text, or in an encoding that we do not know")


def _candidates(data: bytes) -> list[str]:
    if data.startswith(b"\xef\xbb\xbf"):
        return ["utf-8-sig"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    # Without a mark: half of the bytes of Western words are zero, on one side or the other.
    head = data[:4096]
    if head[1::2].count(0) > len(head) // 5:
        return ["utf-16-le"]
    if head[0::2].count(0) > len(head) // 5:
        return ["utf-16-be"]
    runs = [len(run) for run in _HIGH.findall(data)]
    odd = sum(length for length in runs if length % 2)
    if odd * 5 > sum(runs):  # accents stand alone, Chinese characters are pairs of bytes
        return ["utf-8", "cp1252", "gb18030"]
    few = sum(runs) * 3 < len(data)
    return ["utf-8", "gb18030", *(["cp1252"] if few else [])]

"""Pair: one picture and what is said of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sensorium.media.image import Picture, read_picture

Captions = Mapping[str, tuple[str, ...]]
"""Texts by language: `en`, `zh`, or what the data calls them (`zh_mt` for machine translations)."""

_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Held(Protocol):
    """An encoded picture inside of a larger file, read when it is wanted."""

    def read(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """where: file and row, as messages call it. split: `train`, `val`, `test`, or empty where the
    data does not say. captions: empty for a picture that nothing is said of."""

    id: str
    where: str
    image: Path | bytes | Held
    captions: Captions
    split: str = ""

    def picture(self, at_least: int = 0) -> Picture:
        """Decoded, upright; see `media.image.read_picture`."""
        match self.image:
            case Path() | bytes():
                return read_picture(self.image, at_least)
            case _:
                return read_picture(self.image.read(), at_least, Path(self.where))

    @property
    def texts(self) -> tuple[str, ...]:
        """All captions, in the order of their languages."""
        return tuple(text for texts in self.captions.values() for text in texts)


@dataclass(frozen=True, slots=True)
class Bad:
    """What cannot be used: where it stands, file and row, and why."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def language_of(text: str) -> str:
    """`zh` for a text with a Chinese character in it, else `en`."""
    return "zh" if _CHINESE.search(text) else "en"


def by_language(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Texts whose language the data does not name, sorted into it."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        lang = language_of(text)
        found[lang] = (*found.get(lang, ()), text)
    return found

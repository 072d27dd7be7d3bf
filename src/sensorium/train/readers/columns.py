"""What columns of tables are called, here and by others, and how a row becomes a Pair."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.train.pair import Bad, Captions, Held, Pair, by_language

IMAGES = ("image", "picture", "photo", "img", "jpg", "jpeg", "png", "webp")
FILES = ("file_name", "filename", "image_path", "path", "file", "image", "img")
TEXTS = ("caption", "captions", "text", "texts", "txt", "sentence", "sentences", "title")
IDS = ("id", "key", "__key__", "image_id", "img_id")
SPLITS = {"validation": "val", "valid": "val", "dev": "val", "training": "train", "testing": "test"}


def caption_columns(names: Iterable[str]) -> dict[str, str]:
    """Column → language, empty where each text's own characters tell it.

    `captions_en`, `caption_zh`, `captions_zh_mt`; `name` and `name_zh` of a class; else the words
    that data sets of the Hub use.
    """
    found = {}
    for name in names:
        head, _, lang = name.partition("_")
        if head in ("caption", "captions", "text", "name", "label_name") and lang:
            found[name] = lang
        elif name in TEXTS or name == "name":
            found[name] = ""
    return {
        name: lang for name, lang in found.items() if lang not in ("id", "ids", "length", "lengths")
    }


def captions_of(values: Mapping[str, Any], columns: Mapping[str, str]) -> Captions:
    """Texts by language; empty ones are left out. InputError for what is no text."""
    found: dict[str, tuple[str, ...]] = {}
    for column, lang in columns.items():
        texts = _texts(values.get(column), column)
        for own, some in ({lang: texts} if lang else by_language(texts)).items():
            if some:
                found[own] = (*found.get(own, ()), *some)
    return found


def _texts(value: Any, column: str) -> tuple[str, ...]:
    if value is None:
        return ()
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list | tuple):
        raise InputError(f"{column} is no text", f"it is {type(value).__name__}")
    texts = []
    for one in several:
        text = one.get("raw") or one.get("text") if isinstance(one, dict) else one
        if text is not None and not isinstance(text, str):
            raise InputError(f"{column} holds what is no text", f"{type(text).__name__}")
        texts.append(" ".join((text or "").split()))
    return tuple(text for text in texts if text)


def id_of(values: Mapping[str, Any], otherwise: str) -> str:
    return next((str(values[name]) for name in IDS if values.get(name) is not None), otherwise)


def split_of(values: Mapping[str, Any]) -> str:
    said = str(values.get("split") or "").lower()
    return SPLITS.get(said, said)


def pair_of(
    values: Mapping[str, Any],
    columns: Mapping[str, str],
    where: str,
    image: Callable[[], Path | bytes | Held],
    otherwise: str,
) -> Pair | Bad:
    """A row as a Pair; Bad where a picture or a caption is missing, or is not what it should be.

    image: finds the picture, or raises InputError. otherwise: the id of a row that names none.
    """
    try:
        captions = captions_of(values, columns)
        if columns and not captions:
            return Bad(where, "it has no caption")
        return Pair(id_of(values, otherwise), where, image(), captions, split_of(values))
    except InputError as error:
        return Bad(where, str(error))


def image_file(folder: Path, named: Any) -> Path:
    """The file that a row names, relative to its table; InputError where there is none."""
    if not isinstance(named, str) or not named:
        raise InputError("it names no picture")
    path = folder / named
    if not path.is_file():
        raise InputError(f"{named} does not exist", f"looked in {folder}")
    return path

"""From the words of a command line to a task's items: paths, folders, `-` for stdin, queries."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensorium.errors import InputError
from sensorium.media import Media, Text
from sensorium.media.encoding import decode_text
from sensorium.media.folder import Found, walk
from sensorium.media.kind import sniff
from sensorium.task import Item, Task


def read_items(task: Task, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The items of each call: one call, or as many as paths were given to a task of one item."""
    items = [(item, given[item.name]) for item in task.items if given[item.name] is not None]
    if len(task.items) == 1 and items and not items[0][0].many and not items[0][0].composed:
        (item, words) = items[0]
        return [(_read(item, one),) for word in words for one in _unfold(item, word)]
    return [tuple(_value(item, words) for item, words in items)]


def _unfold(item: Item, word: str) -> Iterator[str]:
    """The word; of a folder, the files in it that the item may be."""
    if word in ("-", "") or not Path(word).expanduser().is_dir():
        yield word
        return
    kinds = {kind.kind for kind in item.kinds if issubclass(kind, Media)}
    found = [one for one in walk([Path(word)]) if isinstance(one, Found) and one.kind in kinds]
    if not found:
        raise InputError(f"{word} holds nothing to do", f"no {' or '.join(sorted(kinds))} is in it")
    yield from (str(one.path) for one in found)


def _value(item: Item, words: str | list[str]) -> Any:
    if isinstance(words, str):
        return _read(item, words)
    if item.composed:
        return [_stdin(Text) if word == "@-" else word for word in words]
    return [_read(item, word) for word in words]


def _read(item: Item, word: str) -> Any:
    """What the task's item will be made of: the word, or what stands on stdin for `-`."""
    return _stdin(*item.kinds) if word == "-" else word


def _stdin(*kinds: type) -> Media | bytes:
    """stdin as bytes of a media, or as words where a text is taken and it is no media."""
    data = sys.stdin.buffer.read()
    if not data:
        raise InputError("stdin is empty", "- reads what is piped in")
    if Text not in kinds or sniff(data[:64]) is not None:
        return data
    return Text(decode_text(data, "stdin").strip())

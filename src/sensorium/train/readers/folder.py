"""A folder of pictures: `captions.txt`, a text beside each picture, or a sub-folder a class."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from sensorium.errors import InputError
from sensorium.media.encoding import decode_text
from sensorium.media.folder import Found, Skipped, walk
from sensorium.media.kind import Kind
from sensorium.train.pair import Bad, Pair, by_language

CAPTIONS = "captions.txt"
# `name.jpg,caption`, `name.jpg<tab>caption`, `name.jpg#3<tab>caption`, `name.jpg#zhc#3 caption`.
_LINE = re.compile(
    r"(?P<name>\S.*?\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic|avif))(?:#\w+)*[,;\t ]", re.I
)
_HEAD = re.compile(r"(image|file|name|image_name|file_name|filename)\s*[,;|\t]", re.I)


def read_captions(path: Path, folder: Path) -> Iterator[Pair | Bad]:
    """A picture's name and a caption a line, in the ways that public data sets write them.

    Lines of one picture make one Pair. folder: where the pictures are; names are relative to it.
    """
    texts: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        where = f"{path}, line {number}"
        found = _LINE.match(line)
        if not line or (number == 1 and _HEAD.match(line)):
            continue
        if not found:
            yield Bad(where, "it names no picture; expected “picture.jpg,caption”")
            continue
        caption = _unquoted(line[found.end() :].strip(), line[found.end() - 1])
        if not caption:
            yield Bad(where, f"the caption of {found['name']} is empty")
            continue
        texts.setdefault(found["name"], []).append(caption)
        first.setdefault(found["name"], number)
    for name, several in texts.items():
        where = f"{path}, line {first[name]}"
        image = _image(folder, name)
        if image is None:
            yield Bad(where, f"{name} does not exist in {folder}")
        else:
            yield Pair(Path(name).stem, where, image, by_language(several))


def names_pictures(text: str) -> bool:
    """Whether any of its lines begins with a picture's name."""
    return any(_LINE.match(line) for line in text.splitlines())


def read_texts(path: Path) -> Iterator[Pair | Bad]:
    """A plain text file: a text a line, without pictures."""
    for number, line in enumerate(_lines(path), 1):
        if line:
            yield Pair(f"{path.stem}-{number}", f"{path}, line {number}", b"", by_language([line]))


def _lines(path: Path) -> list[str]:
    """Stripped lines, in whichever encoding they were written; none of an empty file."""
    data = path.read_bytes()
    words = decode_text(data, str(path)) if data.strip() else ""
    return [line.strip() for line in words.splitlines()]


def _unquoted(caption: str, separator: str) -> str:
    if separator == "," and caption.startswith('"'):
        caption = next(csv.reader([caption]))[0]
    return " ".join(caption.split())


def _image(folder: Path, name: str) -> Path | None:
    """The named file, in the folder or in the `images` folder that many sets keep theirs in."""
    places = (folder, folder / "images", folder / "Images")
    return next((place / name for place in places if (place / name).is_file()), None)


def read_folder(folder: Path) -> Iterator[Pair | Bad]:
    """Pictures below a folder; each one's captions are the lines of the `.txt` of its name
    (`dog.jpg`, `dog.txt`; `dog.zh.txt` for a language), else it has none."""
    for found in walk([folder]):
        if isinstance(found, Skipped):
            yield Bad(str(found.path), found.reason)
        elif found.kind is Kind.IMAGE:
            yield _beside(found, folder)


def _beside(found: Found, folder: Path) -> Pair | Bad:
    try:
        return _with_texts(found, folder)
    except InputError as error:
        return Bad(str(found.path), str(error))


def _with_texts(found: Found, folder: Path) -> Pair | Bad:
    captions: dict[str, tuple[str, ...]] = {}
    texts = sorted(found.path.parent.glob(f"{_escaped(found.path.stem)}*.txt"))
    for path in texts:
        lang = path.name[len(found.path.stem) :].removesuffix(".txt").removeprefix(".")
        if path.name != f"{found.path.stem}.txt" and not re.fullmatch(r"[a-z]{2}(_\w+)?", lang):
            continue
        lines = tuple(" ".join(line.split()) for line in _lines(path) if line)
        captions |= {lang: lines} if lang and lines else by_language(lines)
    name = found.path.relative_to(folder).with_suffix("").as_posix()
    if texts and not captions:
        return Bad(str(found.path), f"{texts[0].name} is empty")
    return Pair(name, str(found.path), found.path, captions)


def _escaped(stem: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", stem)


def read_classes(folder: Path) -> Iterator[Pair | Bad]:
    """A sub-folder a class, as ImageNet is laid out: the folder's name is the caption."""
    for found in walk([folder]):
        if isinstance(found, Skipped):
            yield Bad(str(found.path), found.reason)
        elif found.kind is Kind.IMAGE:
            inner = found.path.relative_to(folder)
            label = inner.parts[0].replace("_", " ") if len(inner.parts) > 1 else ""
            if not label:
                yield Bad(str(found.path), "it lies beside the folders of the classes, in none")
                continue
            name = inner.with_suffix("").as_posix()
            yield Pair(name, str(found.path), found.path, by_language([label]))

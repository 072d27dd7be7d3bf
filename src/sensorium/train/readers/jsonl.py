"""JSON lines: `{"image": "dog.jpg", "caption": "…"}` a line; `captions`, `captions_en`,
`captions_zh`, and the Hub's `file_name` and `text`, are understood."""

import json
from collections.abc import Iterator
from pathlib import Path

from sensorium.errors import InputError
from sensorium.train.pair import Bad, Pair
from sensorium.train.readers.columns import FILES, caption_columns, image_file, pair_of


def read_jsonl(path: Path) -> Iterator[Pair | Bad]:
    """Names of pictures are relative to the file's folder."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _pair(line, f"{path}, line {number}", path.parent)


def _pair(line: str, where: str, folder: Path) -> Pair | Bad:
    try:
        values = json.loads(line)
    except ValueError as error:
        return Bad(where, f"it is not JSON: {error}")
    if not isinstance(values, dict):
        return Bad(where, "it is no object")
    named = next((values[name] for name in FILES if values.get(name)), None)
    columns = caption_columns(values)
    if not columns:
        return Bad(where, f"it has no caption among {', '.join(values) or 'nothing'}")

    def image() -> Path:
        try:
            return image_file(folder, named)
        except InputError:
            return image_file(folder / "images", named)

    return pair_of(values, columns, where, image, Path(str(named)).stem)

"""Pictures and texts of a table through a DualTower, in batches."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from sensorium.evaluate._table import Row
from sensorium.flow import Failed, Flow, Progress
from sensorium.media import Image, Media
from sensorium.roles import DualTower, Floats
from sensorium.runtime.devices import threads

BATCH = 32


@dataclass(frozen=True)
class Encoded:
    """vectors: float32 (rows, d), of unit length."""

    rows: tuple[Row, ...]
    vectors: Floats


@dataclass(frozen=True)
class _Prepared:
    row: Row
    tensor: Floats

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes


@dataclass(frozen=True)
class _Prepare:
    model: DualTower

    def __call__(self, row: Row) -> _Prepared:
        try:
            picture = Media.of(row.values["image"] or b"", Image)
            assert isinstance(picture, Image)
            return _Prepared(row, self.model.prepare_image(picture.pixels(self.model.image_size)))
        except Exception as error:
            raise row.left_out(error) from error


def encode_pictures(rows: Iterable[Row], model: DualTower) -> Iterator[Encoded | Failed]:
    """Batches in the rows' order, each row's `image` (an encoded picture of any size, decoded in a
    thread) as a vector; Failed for a row whose picture cannot be read."""
    flow = Flow(rows).map(_Prepare(model), threads=threads()).batch(BATCH).run()
    with closing(flow):  # type: ignore[type-var]
        for batch in flow:
            if isinstance(batch, Failed):
                yield batch
                continue
            tensors = np.stack([one.tensor for one in batch])
            yield Encoded(tuple(one.row for one in batch), model.encode_images(tensors))


def encode_texts(
    texts: Sequence[str], model: DualTower, what: str
) -> Generator[Progress, None, Floats]:
    """float32 (texts, d), of unit length. what: they are, for Progress."""
    parts = []
    for start in range(0, len(texts), BATCH):
        parts.append(model.embed_texts(texts[start : start + BATCH]))
        yield Progress(min(start + BATCH, len(texts)), len(texts), what)
    return np.concatenate(parts)

"""The pictures of a table through a DualTower: decoded in threads, encoded in batches."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from sensorium.errors import InputError
from sensorium.evaluate._table import Row
from sensorium.flow import Failed, Flow
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
            raise InputError(f"{row.name} is left out", f"{error}") from error


def encode_pictures(rows: Iterable[Row], model: DualTower) -> Iterator[Encoded | Failed]:
    """Batches in the rows' order, each row's `image` (an encoded picture of any size) as a vector;
    Failed for a row whose picture cannot be read."""
    flow = Flow(rows).map(_Prepare(model), threads=threads()).batch(BATCH).run()
    with closing(flow):  # type: ignore[type-var]
        for batch in flow:
            if isinstance(batch, Failed):
                yield batch
                continue
            tensors = np.stack([one.tensor for one in batch])
            yield Encoded(tuple(one.row for one in batch), model.encode_images(tensors))

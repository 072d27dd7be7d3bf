from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.results import Box, Provenance
from sensorium.roles import Pixels
from sensorium.tasks import TASKS

read = TASKS["read"]


class Marks:
    """Reads one mark: the bright pixels of a picture."""

    provenance = Provenance("marks", "1")

    def read(self, picture: Pixels) -> tuple[Box, ...]:
        rows, columns = np.nonzero(picture.min(axis=2) > 200)
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        left, top, right, bottom = map(float, edges)
        return (Box((left, top, right, bottom), "mark", 1.0),)


def test_boxes_are_in_pixels_of_the_upright_picture() -> None:
    picture = np.zeros((30, 50, 3), np.uint8)
    picture[5:10, 20:40] = 255
    model: Any = Marks()
    got = read(picture, model=model)
    assert got.size == (50, 30) and got.boxes[0].xyxy == (20, 5, 40, 10)
    assert got.text == "mark" and got.provenance == model.provenance


def test_a_speck_is_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        read(np.zeros((1, 9, 3), np.uint8), model=Marks())

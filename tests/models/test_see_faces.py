"""What is cut out of a picture for a classifier of faces."""

import numpy as np

from sensorium.models._see_faces import cut_square
from sensorium.roles import Face


def test_a_square_is_cut_about_the_face() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:20, 30:40] = 255
    cut = cut_square(picture, Face((30, 10, 40, 20), 1.0))
    assert cut.shape == (12, 12, 3)
    np.testing.assert_array_equal(cut[1:11, 1:11], 255)
    assert cut[0].max() == 0 and cut[:, -1].max() == 0


def test_at_the_edge_the_last_pixels_go_on() -> None:
    picture = np.arange(20 * 20 * 3, dtype=np.int64).astype(np.uint8).reshape(20, 20, 3)
    cut = cut_square(picture, Face((-4, -4, 4, 4), 1.0))
    assert cut.shape == (10, 10, 3)
    np.testing.assert_array_equal(cut[0, 0], picture[0, 0])
    np.testing.assert_array_equal(cut[5:, 5:], picture[:5, :5])

"""What is cut out of a picture for a classifier of faces."""

import numpy as np

from sensorium.models._see_faces import cut_square
from sensorium.roles import Face


def test_a_square_is_cut_from_hair_to_chin() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:20, 30:40] = 255
    cut = cut_square(picture, Face((30, 10, 40, 20), 1.0))
    assert cut.shape == (13, 13, 3)
    rows, columns = np.nonzero(cut[..., 0])
    assert (rows.min(), rows.max()) == (2, 11)
    assert (columns.min(), columns.max()) in ((1, 10), (2, 11))


def test_a_picture_that_is_one_face_stays_as_it_is() -> None:
    """The box that `evaluate emotion --modality face` gives to a picture of FER2013."""
    picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    cut = cut_square(picture, Face((11, 18, 89, 96), 1.0))
    np.testing.assert_array_equal(cut, picture)


def test_at_the_edge_the_last_pixels_go_on() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    cut = cut_square(picture, Face((-4, -4, 4, 4), 1.0))
    assert cut.shape == (10, 10, 3)
    np.testing.assert_array_equal(cut[0, 0], picture[0, 0])
    np.testing.assert_array_equal(cut[-4:, -5:], picture[:4, :5])

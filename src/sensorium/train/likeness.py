"""What stays of a picture that is scaled and compressed anew: a difference hash (Krawetz 2013)."""

import numpy as np
from numpy.typing import NDArray

from sensorium.roles import Floats, Pixels
from sensorium.signal.image import Resample, resize


def greys(picture: Pixels) -> Floats:
    """float32 (8, 9): how light the picture is, 0 to 255, at 9 places in 8 rows."""
    small: Floats = resize(picture, 9, 8, Resample.BILINEAR).astype(np.float32).mean(axis=2)
    return small


def marks(greys: Floats) -> NDArray[np.bool]:
    """(64,): whether it gets lighter from left to right, of every two places of a row."""
    lighter: NDArray[np.bool] = greys[:, 1:] > greys[:, :-1]
    return lighter.ravel()

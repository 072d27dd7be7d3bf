from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.evaluate import EVALUATIONS
from sensorium.flow import Failed
from sensorium.results import Provenance
from sensorium.roles import Face, FaceClassifier, Floats, Pixels

Write = Callable[..., Path]
emotion = EVALUATIONS["emotion"]
LABELS = ("anger", "happiness", "sadness")


class Colours:
    """An angry face is red, a happy one green, a sad one blue."""

    def __init__(self) -> None:
        self.provenance = Provenance("dir:colours", "1")
        self.labels = LABELS
        self.boxes: list[tuple[float, ...]] = []

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        self.boxes += [face.xyxy for face in faces]
        mean = picture.mean((0, 1), dtype=np.float32) + 1
        return np.stack([mean / mean.sum()] * len(faces))


@pytest.fixture
def data(write: Write, picture: Callable[..., bytes]) -> Path:
    shown = [picture(colour, 50, 100) for colour in ("red", "green", "green", "blue", "blue")]
    truth: list[Any] = ["anger", "happiness", "anger", "contempt", None]
    sources = ["a", "a", "b", "b", "b"]
    return write(image=[*shown, b"no picture"], emotion=[*truth, "anger"], source=[*sources, "b"])


def test_the_model_is_one() -> None:
    assert isinstance(Colours(), FaceClassifier)


def test_a_picture_is_one_face(data: Path) -> None:
    model = Colours()
    report = emotion(data, modality="face", model=model)
    assert (report.n, report.left_out, report.unknown_labels) == (3, 2, {"contempt": 1})
    assert report.labels == LABELS
    assert report.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 0))
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.by_corpus["a"]["accuracy"] == 1
    # From brow to chin, as a detector would tell it.
    assert model.boxes[0] == pytest.approx((5.5, 18, 44.5, 96))


def test_a_picture_that_cannot_be_read_is_named(data: Path) -> None:
    events = list(emotion.stream(data, modality="face", model=Colours()))
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert "left out" in str(failed.error)

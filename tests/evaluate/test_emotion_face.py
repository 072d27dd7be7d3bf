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


class Guesser(Colours):
    """Guesses that whoever labels sees anger in everything."""

    def guess_labels(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        return np.array([[1.0, 0.0, 0.0]] * len(faces), np.float32)


def test_labels_and_votes_are_two_questions(write: Write, picture: Callable[..., bytes]) -> None:
    votes = [[0] * 10 for _ in range(4)]
    votes[0][4] = votes[1][1] = votes[2][7] = 10  # anger, happiness, contempt, nothing
    shown = [picture(colour) for colour in ("red", "green", "blue", "blue")]
    labels = ["anger", "happiness", "anger", "sadness"]
    data = write(image=shown, emotion=labels, votes=votes)
    by_label = emotion(data, modality="face", target="emotion", model=Guesser())
    assert by_label.accuracy == 0.5
    by_votes = emotion(data, modality="face", target="votes", model=Guesser())
    assert (by_votes.n, by_votes.accuracy, by_votes.left_out) == (2, 1, 1)
    assert by_votes.unknown_labels == {"contempt": 1}
    # A model that guesses no labels answers both questions alike.
    assert emotion(data, modality="face", target="emotion", model=Colours()).accuracy == 0.75

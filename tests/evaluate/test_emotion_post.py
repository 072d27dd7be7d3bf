from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.results import Provenance
from sensorium.roles import Floats, Pixels, PostClassifier

Write = Callable[..., Path]
emotion = EVALUATIONS["emotion"]


class Weather:
    """A red picture is negative and a green one positive, but for the word “not”."""

    def __init__(self) -> None:
        self.provenance = Provenance("dir:weather", "1")
        self.labels = ("negative", "neutral", "positive")
        self.texts: list[str] = []

    def classify_posts(self, pictures: Sequence[Pixels], texts: Sequence[str]) -> Floats:
        self.texts += texts
        rows = []
        for picture, text in zip(pictures, texts, strict=True):
            red, green, blue = picture.mean((0, 1)) + 1
            row = [green, blue, red] if "not" in text else [red, blue, green]
            rows.append(np.array(row, np.float32) / (red + green + blue))
        return np.stack(rows)


@pytest.fixture
def data(write: Write, picture: Callable[..., bytes]) -> Path:
    shown = [picture(colour) for colour in ("red", "red", "green", "blue", "green", "red")]
    texts: list[Any] = ["rain", "not rain", None, "fog", "sun", "rain"]
    truth: list[Any] = ["negative", "positive", "positive", "neutral", "negative", None]
    return write(image=[*shown, None], text=[*texts, "x"], sentiment=[*truth, "neutral"])


def test_a_post_is_its_picture_and_its_words(data: Path) -> None:
    model = Weather()
    assert isinstance(model, PostClassifier)
    report = emotion(data, modality="post", model=model)
    assert (report.n, report.left_out) == (5, 2)
    assert report.confusion == ((1, 0, 1), (0, 1, 0), (0, 0, 2))
    assert report.accuracy == pytest.approx(0.8)
    assert model.texts == ["rain", "not rain", "", "fog", "sun"]


def test_posts_have_a_sentiment_alone(data: Path) -> None:
    with pytest.raises(InputError, match="tells no emotion"):
        emotion(data, modality="post", target="emotion", model=Weather())

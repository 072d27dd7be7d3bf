"""The built-in reader of posts, over the built-in models that it stands on."""

import numpy as np
import pytest

from sensorium.models import open as open_model
from sensorium.models.post_sentiment import PLACES, text_marks
from sensorium.roles import PostClassifier
from sensorium.runtime.catalogue import BUILTIN

shipped = pytest.mark.skipif(
    not all((BUILTIN / one).is_dir() for one in ("post-sentiment", "dual-tower", "text-emotion")),
    reason="no built-in model in this tree",
)


@shipped
def test_words_and_pictures_are_read_together() -> None:
    model = open_model(None, PostClassifier)
    assert model.labels == ("negative", "neutral", "positive")
    sky = np.full((60, 90, 3), (90, 150, 230), np.uint8)
    texts = ["What a lovely day, I love it! #happy", "an absolute disgrace, I hate it #angry", ""]
    told = model.classify_posts([sky] * 3, texts)
    assert told.shape == (3, 3)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-5)
    assert told[0].argmax() == 2 and told[1].argmax() == 0
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    other = model.classify_posts([noise], texts[:1])
    assert abs(other - told[:1]).max() > 1e-3  # the picture counts
    many = model.classify_posts([sky] * 20, texts[:1] * 20)
    np.testing.assert_allclose(many, told[:1].repeat(20, 0), atol=1e-3)


def test_marks_are_places_each_once() -> None:
    marks = text_marks("so so good, so good! http://x.y/z @someone")
    assert marks == sorted(set(marks)) and marks[0] >= 0 and marks[-1] < PLACES
    assert marks == text_marks("SO so good, so good!")
    assert text_marks("") == []

"""The recipe of posts, on pictures and words made here, and the family that opens what it makes."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium import train  # noqa: E402
from sensorium.errors import InputError  # noqa: E402
from sensorium.models import post_sentiment as family  # noqa: E402
from sensorium.models.post_sentiment import PostReader  # noqa: E402
from sensorium.results import Provenance  # noqa: E402
from sensorium.roles import Floats, PostClassifier  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train.likeness import greys, marks  # noqa: E402
from sensorium.train.posts import decoded, near_pictures, read_posts  # noqa: E402
from sensorium.train.recipes import post_sentiment as recipe  # noqa: E402

LABELS = ("negative", "neutral", "positive")
WORDS = ("awful", "table", "lovely")
LOOKS = ((200, 40, 40), (120, 120, 120), (40, 200, 40))


class Words:
    """Knows three words."""

    provenance = Provenance("dir:words", "7")

    def __init__(self) -> None:
        self.heads: Mapping[str, tuple[str, ...]] = {
            "sentiment": LABELS,
            "emotion": ("anger", "happiness"),
        }

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        rows = [[0.1 + 0.7 * (word in text) for word in WORDS] for text in texts]
        sentiment = np.array(rows, np.float32).reshape(-1, 3)
        sentiment /= sentiment.sum(axis=1, keepdims=True)
        emotion = sentiment[:, [0, 2]] / sentiment[:, [0, 2]].sum(axis=1, keepdims=True)
        return {"sentiment": sentiment, "emotion": emotion}

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        return ((0, len(text)),)


def picture(colour: tuple[int, int, int], random: np.random.Generator) -> bytes:
    """The colour under a coarse pattern of its own."""
    noise = random.integers(-40, 40, (8, 9, 1)).repeat(4, 0).repeat(4, 1)
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def write(path: Path, n: int, seen: bool) -> Path:
    """Posts whose sentiment half their words and half their pictures tell, or words alone."""
    import pyarrow.parquet as pq

    random = np.random.default_rng(3)
    rows: dict[str, list[Any]] = {"text": [], "image": [], "sentiment": []}
    for at in range(n):
        label = int(random.integers(3))
        by_words = random.random() < (0.5 if seen else 0.8)
        word = WORDS[label] if by_words else "today"
        look = LOOKS[label] if seen and not by_words else LOOKS[int(random.integers(3))]
        rows["text"].append(f"{random.integers(10**12):012} {word} {random.integers(10**12):012}")
        rows["image"].append(picture(look if seen else LOOKS[1], random))
        rows["sentiment"].append(LABELS[label] if at else None)
    pq.write_table(pa.table(rows), path)
    return path


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch, tower: Any) -> recipe.Frozen:
    made = recipe.Frozen(("colours", "words"), tower, Words())
    monkeypatch.setattr(recipe, "open_frozen", lambda config: made)
    return made


def run(data: Path, out: Path) -> dict[str, Any]:
    train.run("post-sentiment", data=str(data), out=out, steps=60, validate_every=30, folds=3)
    told: dict[str, Any] = json.loads((out / "figures.json").read_text("utf-8"))
    return told


def test_a_picture_that_helps_is_told_and_opened(tmp_path: Path, frozen: recipe.Frozen) -> None:
    data = write(tmp_path / "posts.parquet", 241, seen=True)
    out = tmp_path / "out"
    told = run(data, out)
    assert told["posts"] == 240 and told["best"]
    assert told["calibration"]["temperature"] > 0 and told["calibration"]["error after"] < 0.2
    figures = {name: one["accuracy"] for name, one in told["figures"].items()}
    assert len(figures) == 5
    assert figures["both"] > max(one for name, one in figures.items() if name != "both") + 0.1
    assert "| the picture | helps: both is best |" in (out / "README.md").read_text("utf-8")
    checkpoint = Checkpoint(Folder(out), out, "1")
    model = PostReader(checkpoint, frozen.tower, frozen.reader, Device.CPU)
    assert isinstance(model, PostClassifier) and model.labels == LABELS
    random = np.random.default_rng(0)
    shown = [decoded(picture(look, random)) for look in LOOKS]
    named = model.classify_posts(shown, ["today"] * 3)
    assert named.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(named.sum(axis=1), 1, atol=1e-5)
    assert model.classify_posts([shown[1]], ["lovely"]).argmax() == 2
    assert model.classify_posts([], []).shape == (0, 3)


def test_a_picture_that_brings_nothing_is_told(tmp_path: Path, frozen: recipe.Frozen) -> None:
    told = run(write(tmp_path / "posts.parquet", 121, seen=False), tmp_path / "out")
    assert not told["best"]
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "| the picture | brings nothing sure |" in card


def test_it_is_opened_with_the_models_that_it_was_made_with(
    tmp_path: Path, frozen: recipe.Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(write(tmp_path / "posts.parquet", 61, seen=True), out)
    told = json.loads((out / "config.json").read_text("utf-8"))
    assert told["tower"] == {"model": "colours", "revision": "1"}
    assert told["reader"]["heads"] == {name: list(one) for name, one in Words().heads.items()}
    given: dict[str, Any] = {"colours": frozen.tower, "words": frozen.reader}
    monkeypatch.setattr(family, "open_model", lambda spec, role, device: given[spec])
    checkpoint = Checkpoint(Folder(out), out, "1")
    assert family.load(checkpoint, Device.CPU).labels == LABELS
    other = Words()
    other.heads = {"sentiment": LABELS}
    given["words"] = other
    with pytest.raises(InputError, match="does not go with"):
        family.load(checkpoint, Device.CPU)
    given["words"] = frozen.reader
    frozen.tower.provenance = replace(frozen.tower.provenance, revision="2")
    with pytest.raises(InputError, match="does not go with"):
        family.load(checkpoint, Device.CPU)


def test_near_duplicates_are_of_one_group(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    first, second, third = (picture(look, random) for look in LOOKS)
    darker = io.BytesIO()
    Image.fromarray((decoded(first) * 0.9).astype(np.uint8)).save(darker, "png")
    rows = {
        "text": [
            "a first text that is long enough to be known",
            "words of quite another kind",
            "RT: a first text that is long enough to be known",
            "",
        ],
        "image": [first, darker.getvalue(), second, third],
        "sentiment": ["positive", "negative", "neutral", "positive"],
    }
    pq.write_table(pa.table(rows), tmp_path / "posts.parquet")
    posts = read_posts(tmp_path / "posts.parquet")
    assert posts.groups[0] == posts.groups[1] == posts.groups[2] != posts.groups[3]
    assert posts.labels.tolist() == [2, 0, 1, 2]


def test_pictures_of_one_colour_are_not_taken_for_each_other() -> None:
    plain = marks(greys(np.full((20, 30, 3), 9, np.uint8)))
    assert near_pictures(np.stack([plain, plain])) == []
    random = np.random.default_rng(0)
    one, other = random.random((2, 64)) < 0.5
    assert near_pictures(np.stack([one, one, other])) == [(0, 1)]


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["x"], "sentiment": ["positive"]}), tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="no column image"):
        read_posts(tmp_path / "bare.parquet")

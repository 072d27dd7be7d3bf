"""The project's own reader of posts, made by `train/recipes/post_sentiment.py`: the sentiment of a
picture and the words that came with it.

A folder of this family holds `model.onnx` (`image`, `text`, `marks`, and where it was made with a
reader of texts `sentiment`, `emotion` → `logits`) and a `config.json`:

    labels
    tower   model and revision of the dual tower whose vectors it takes
    reader  of the text classifier whose probabilities it takes, null for none; and its `heads`
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.models.text_emotion import without_addresses
from sensorium.roles import DualTower, Floats, Pixels, PostClassifier, TextClassifier
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.catalogue import BUILTIN, catalogue
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.softmax import softmax

ROLES = (PostClassifier,)
MARKS = "marks"
PLACES = 1 << 15
"""For hashed marks of a text."""
_SAID = ("labels", "tower.model", "tower.revision", "reader")
_AT_ONCE = 16
_WORDS = re.compile(r"\w+|[#!?:;()\U0001F300-\U0001FAFF]+")


def load(checkpoint: Checkpoint, device: Device) -> "PostReader":
    """Raises ModelMissing where a model that it stands on is not here, InputError where the tower
    is another than it was made with: vectors of another mean nothing to it."""
    config = checkpoint.settings(_SAID)
    tower = open_model(own(config["tower"]["model"]), DualTower, device)
    if tower.provenance.revision != config["tower"]["revision"]:
        raise InputError(
            f"{checkpoint.spec} does not go with {tower.provenance.model}",
            why=f"it was made with its revision {config['tower']['revision']}, "
            f"here is {tower.provenance.revision}",
            hint="sensorium train post-sentiment makes one that does",
        )
    reader = None
    if config["reader"]:
        reader = open_model(own(config["reader"]["model"]), TextClassifier, device)
        heads = {name: tuple(labels) for name, labels in config["reader"]["heads"].items()}
        if dict(reader.heads) != heads:
            raise InputError(
                f"{checkpoint.spec} does not go with {reader.provenance.model}",
                why="that tells other labels than the one it was made with",
            )
    return PostReader(checkpoint, tower, reader, device)


def own(model: str) -> str:
    """A built-in model by its folder, whichever is chosen for its role; any other as it is."""
    row = catalogue().get(model)
    return f"dir:{BUILTIN / row.folder}" if row and row.folder else model


class PostReader:
    """See `roles.PostClassifier`."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        tower: DualTower,
        reader: TextClassifier | None,
        device: Device,
    ) -> None:
        self.provenance = checkpoint.provenance
        self.labels = tuple(checkpoint.config["labels"])
        self._tower, self._reader = tower, reader
        self._network = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def classify_posts(self, pictures: Sequence[Pixels], texts: Sequence[str]) -> Floats:
        found = np.empty((len(texts), len(self.labels)), np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            told = post_features(pictures[rows], texts[rows], self._tower, self._reader)
            told[MARKS] = np.zeros((len(texts[rows]), PLACES), np.float32)
            for at, text in enumerate(texts[rows]):
                told[MARKS][at, text_marks(text)] = 1
            found[rows] = softmax(self._network.run(told)["logits"])
        return found


def post_features(
    pictures: Sequence[Pixels],
    texts: Sequence[str],
    tower: DualTower,
    reader: TextClassifier | None,
) -> dict[str, Any]:
    """n posts → by name float32 (n, …): `image` and `text`, vectors of unit length; with a reader
    the probabilities of its heads."""
    told: dict[str, Any] = {
        "image": tower.embed_images(list(pictures)),
        "text": tower.embed_texts(list(texts)),
    }
    return told | (reader.classify_texts(list(texts)) if reader else {})


def text_marks(text: str) -> list[int]:
    """Places of the marks of a text, below `PLACES`, hashed: words, pairs of words, and 3 or 4
    letters in a row."""
    bare = without_addresses(text).lower()
    words = _WORDS.findall(bare)
    found = {f"w {one}" for one in words}
    found |= {f"w {one} {two}" for one, two in pairwise(words)}
    wide = f" {bare} "
    found |= {f"c {wide[at : at + n]}" for n in (3, 4) for at in range(len(wide) - n + 1)}
    return sorted({zlib.crc32(one.encode()) % PLACES for one in found})

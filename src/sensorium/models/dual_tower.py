"""The project's own dual tower, made by `train/recipes/builtin_dual_tower.py`: pictures and
sentences, Chinese and English, in one space. Runs of `dual_tower.py` are opened by it too.

A folder of this family holds `image.onnx`, `text.onnx`, `tokenizer.json` and a `config.json`:

    dim, logit_scale, logit_bias
    image   size, resize (squeeze), resample (Pillow's number), mean, std (of pixels / 255)
    text    max_length in pieces, both ends among them
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from sensorium.errors import InputError
from sensorium.roles import DualTower, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample, normalise, resize

ROLES = (DualTower,)
_TEXTS_AT_ONCE = 64
_IMAGE = ("size", "resize", "resample", "mean", "std")
_SAID = ("dim", "logit_scale", "logit_bias", "text.max_length", *(f"image.{x}" for x in _IMAGE))


def load(checkpoint: Checkpoint, device: Device) -> "OwnDualTower":
    return OwnDualTower(checkpoint, device)


class OwnDualTower:
    """See `roles.DualTower`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        image: dict[str, Any] = config["image"]
        if image["resize"] != "squeeze":
            raise InputError(
                f"{checkpoint.spec} wants its pictures resized by “{image['resize']}”",
                why="this family squeezes the whole picture into a square",
                hint="update sensorium",
            )
        self.provenance = checkpoint.provenance
        self.dimensions: int = config["dim"]
        self.image_size: int = image["size"]
        self.logit_scale: float = config["logit_scale"]
        self.logit_bias: float = config["logit_bias"]
        self._resample = Resample(image["resample"])
        self._mean = np.asarray(image["mean"], np.float32)
        self._std = np.asarray(image["std"], np.float32)
        self._images = Batcher(OnnxSession(checkpoint.folder / "image.onnx", device))
        self._texts = Batcher(OnnxSession(checkpoint.folder / "text.onnx", device))
        self._tokenizer = Tokenizer.from_file(str(checkpoint.folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(config["text"]["max_length"])

    def prepare_image(self, picture: Pixels) -> Floats:
        squeezed = resize(picture, self.image_size, self.image_size, self._resample)
        return normalise(squeezed, self._mean, self._std)

    def encode_images(self, tensors: Floats) -> Floats:
        embedding: Floats = self._images.run({"pixels": tensors})["embedding"]
        return embedding

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        if not pictures:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        found = np.empty((len(texts), self.dimensions), np.float32)
        encoded = self._tokenizer.encode_batch(list(texts))
        # Texts of like length go together: a batch is as slow as its longest text.
        order = sorted(range(len(texts)), key=lambda i: sum(encoded[i].attention_mask))
        for at in range(0, len(order), _TEXTS_AT_ONCE):
            chosen = order[at : at + _TEXTS_AT_ONCE]
            longest = max(sum(encoded[i].attention_mask) for i in chosen)
            ids = np.array([encoded[i].ids[:longest] for i in chosen], np.int64)
            mask = np.array([encoded[i].attention_mask[:longest] for i in chosen], np.int64)
            found[chosen] = self._texts.run({"ids": ids, "mask": mask})["embedding"]
        return found

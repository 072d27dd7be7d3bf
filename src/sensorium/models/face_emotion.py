"""The project's own reader of faces, made by `train/recipes/face_emotion.py`.

A folder of this family holds `model.onnx` (`faces` → `logits`, of two heads one after the other)
and a `config.json`:

    labels       of either head
    side         pixels of the square grey face that the network takes
    around       side of the square that is cut out, of a face's longer side
    raised       how far its middle lies above the face's, of a face's longer side
    votes        share of the second head, which learned from the votes of many people
    temperature  divides the logarithms of the mixture
"""

from collections.abc import Sequence

import numpy as np

from sensorium.errors import InputError
from sensorium.models._see_faces import cut_square
from sensorium.roles import Face, FaceClassifier, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample, resize

ROLES = (FaceClassifier,)
_AT_ONCE = 16
_SAID = ("labels", "side", "around", "raised", "votes", "temperature")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as the faces learned from


def load(checkpoint: Checkpoint, device: Device) -> "FaceEmotionReader":
    return FaceEmotionReader(checkpoint, device)


class FaceEmotionReader:
    """See `roles.FaceClassifier`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.config
        if missing := [name for name in _SAID if name not in config]:
            raise InputError(
                f"{checkpoint.spec} cannot be opened",
                why=f"its config.json does not say {', '.join(missing)}",
            )
        self.provenance = checkpoint.provenance
        self.labels = tuple(config["labels"])
        self.side = int(config["side"])
        self._around, self._raised = float(config["around"]), float(config["raised"])
        self._votes, self._temperature = float(config["votes"]), float(config["temperature"])
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        logits = np.empty((len(faces), 2 * len(self.labels)), np.float32)
        for start in range(0, len(faces), _AT_ONCE):
            part = [self.cut(picture, face) for face in faces[start : start + _AT_ONCE]]
            logits[start : start + len(part)] = self._session.run({"faces": np.stack(part)})[
                "logits"
            ]
        return mixture(logits, self._votes, self._temperature)

    def cut(self, picture: Pixels, face: Face) -> Pixels:
        """uint8 (h, w, 3) → uint8 (side, side), grey: the face with as much about it as the
        network's faces had."""
        left, top, right, bottom = face.xyxy
        higher = max(right - left, bottom - top) * self._raised
        raised = Face((left, top - higher, right, bottom - higher), face.score)
        square = cut_square(picture, raised, self._around, 0.0)
        small = resize(square, self.side, self.side, Resample.BICUBIC)
        grey: Pixels = np.rint(small @ _LUMA).astype(np.uint8)
        return grey


def mixture(logits: Floats, votes: float, temperature: float) -> Floats:
    """(n, 2 labels) → (n, labels): probabilities of both heads mixed, then tempered."""
    first, second = np.split(logits.astype(np.float64), 2, axis=1)
    mixed = (1 - votes) * _softmax(first) + votes * _softmax(second)
    return _softmax(np.log(np.maximum(mixed, 1e-12)) / temperature).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return chances

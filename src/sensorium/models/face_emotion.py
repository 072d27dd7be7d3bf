"""The project's own reader of faces, made by `train/recipes/face_emotion.py`.

A folder of this family holds `model.onnx` (`faces` → `logits`, of two heads one after the other:
FER2013's one label a face, and what a crowd of people sees in it) and a `config.json`:

    labels        of either head
    side          pixels of the square grey face that the network takes
    around        side of the square that is cut out, of a face's longer side
    raised        how far its middle lies above the face's, of a face's longer side
    temperatures  `label` and `crowd`: what divides the logits of either head
"""

from collections.abc import Sequence

import numpy as np

from sensorium.models._see_faces import cut_square
from sensorium.roles import Face, FaceClassifier, Floats, Pixels
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample, resize
from sensorium.signal.softmax import softmax

ROLES = (FaceClassifier,)
VOTED = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
    "contempt", "unknown", "not a face",
)  # fmt: skip
"""The order of FER+'s ten columns of votes (Barsoum et al., ICMI 2016, arXiv 1608.01041)."""
_AT_ONCE = 16
_SAID = ("labels", "side", "around", "raised", "temperatures")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as the faces learned from


def load(checkpoint: Checkpoint, device: Device) -> "FaceEmotionReader":
    return FaceEmotionReader(checkpoint, device)


class FaceEmotionReader:
    """See `roles.FaceClassifier`, answered by the crowd's head, and `roles.LabelGuesser`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        self.provenance = checkpoint.provenance
        self.labels = tuple(config["labels"])
        self.side = int(config["side"])
        self._around, self._raised = float(config["around"]), float(config["raised"])
        heats = config["temperatures"]
        self._heats = float(heats["label"]), float(heats["crowd"])
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        return self._heads(picture, faces)[1]

    def guess_labels(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        return self._heads(picture, faces)[0]

    def _heads(self, picture: Pixels, faces: Sequence[Face]) -> tuple[Floats, Floats]:
        """Of either head (n, labels), rows that sum to 1."""
        logits = np.empty((len(faces), 2 * len(self.labels)), np.float32)
        for start in range(0, len(faces), _AT_ONCE):
            part = [self.cut(picture, face) for face in faces[start : start + _AT_ONCE]]
            told = self._session.run({"faces": np.stack(part)})["logits"]
            logits[start : start + len(part)] = told
        label, crowd = np.split(logits, 2, axis=1)
        return tempered(label, self._heats[0]), tempered(crowd, self._heats[1])

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


def tempered(logits: Floats, temperature: float) -> Floats:
    """Logits (n, labels) to probabilities."""
    return softmax(logits / np.float32(temperature))

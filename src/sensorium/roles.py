"""What a task may ask of a model: one small Protocol a role. A family implements one or more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sensorium.media import Span
from sensorium.results import Box, Provenance

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@runtime_checkable
class DualTower(Protocol):
    """Pictures and words in one space.

    Preparing and encoding are apart so that a pipeline can prepare in its decode threads and
    encode in batches; `embed_images` is the two together.
    """

    provenance: Provenance
    dimensions: int
    image_size: int
    """Pixels of the shorter side that `prepare_image` makes use of: a decoder may scale to it."""
    logit_scale: float
    """Multiplies cosines before a softmax (CLIP) or a sigmoid (SigLIP)."""
    logit_bias: float

    def prepare_image(self, picture: Pixels) -> Floats:
        """uint8 (height, width, 3) → float32 (3, s, s) as the network takes it. Thread-safe."""
        ...

    def encode_images(self, tensors: Floats) -> Floats:
        """float32 (n, 3, s, s) → float32 (n, d), rows of unit length."""
        ...

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        """n pictures → float32 (n, d), rows of unit length."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """n texts → float32 (n, d), rows of unit length."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Finds the words that stand in a picture and reads them."""

    provenance: Provenance

    def read(self, picture: Pixels) -> tuple[Box, ...]:
        """uint8 (height, width, 3) → a box a line of words, in reading order."""
        ...


@runtime_checkable
class TextClassifier(Protocol):
    """Reads what is felt in texts."""

    provenance: Provenance
    heads: Mapping[str, tuple[str, ...]]
    """What it tells of a text, and the labels of each: `sentiment`, `emotion`, or one of them."""

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        """n texts → head → float32 (n, labels), rows that sum to 1."""
        ...

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where the words of a text stand as the model cuts it: from and to which character."""
        ...


@runtime_checkable
class SpeechDetector(Protocol):
    """Finds where somebody speaks."""

    provenance: Provenance

    def speech(self, samples: Floats, rate: int) -> tuple[Span, ...]:
        """float32 (n,), one channel, -1 to 1 → stretches of speech in order, seconds from the first
        sample."""
        ...


@runtime_checkable
class AudioClassifier(Protocol):
    """Hears what is felt in a voice."""

    provenance: Provenance
    rate: int
    """Samples a second that it takes."""
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    """Of the speech that it learned from, `en`, `de` …; empty where nobody says."""

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        """n sounds, each float32 (samples,), one channel, -1 to 1, at `rate` → float32
        (n, labels), rows that sum to 1."""
        ...


@dataclass(frozen=True)
class Face:
    """xyxy: left, top, right, bottom in pixels, brow to chin. points: left eye, right eye, nose,
    left and right corner of the mouth, x and y in pixels, left as it is in the picture; None where
    the detector has none. score: 0 to 1."""

    xyxy: tuple[float, float, float, float]
    score: float
    points: tuple[tuple[float, float], ...] | None = None


@runtime_checkable
class StrangerListener(Protocol):
    """What an AudioClassifier may do besides: hear voices that come from none of the corpora that
    it learned from, and be as sure of them as it may be."""

    def classify_strangers(self, sounds: Sequence[Floats]) -> Floats:
        """As `AudioClassifier.classify_sounds`: the same label is the likeliest."""
        ...


@runtime_checkable
class FaceDetector(Protocol):
    """Finds faces."""

    provenance: Provenance

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        """n pictures, each uint8 (height, width, 3) → the faces of each, the surest first."""
        ...


@runtime_checkable
class FaceFollower(Protocol):
    """What a FaceDetector may do besides: find the same faces again in less time."""

    def follow_faces(self, frames: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        """As `FaceDetector.find_faces`, of frames of a video, each soon after the one before. A
        small face that comes into view may be found a few frames late."""
        ...


@runtime_checkable
class FaceClassifier(Protocol):
    """Reads the expression of faces. What it takes of the picture around a face is its own."""

    provenance: Provenance
    labels: tuple[str, ...]

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        """uint8 (height, width, 3) and n faces of it → float32 (n, labels), rows that sum to 1."""
        ...


@runtime_checkable
class PostClassifier(Protocol):
    """Reads the sentiment of a picture and the words that were posted with it."""

    provenance: Provenance
    labels: tuple[str, ...]

    def classify_posts(self, pictures: Sequence[Pixels], texts: Sequence[str]) -> Floats:
        """n pictures, each uint8 (height, width, 3), and the text of each → float32 (n, labels),
        rows that sum to 1."""
        ...


@runtime_checkable
class LabelGuesser(Protocol):
    """What a FaceClassifier may do besides: guess the one word that a face was found or filed
    under, as in FER2013. What people see in the face is another question."""

    def guess_labels(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        """As `FaceClassifier.classify_faces`."""
        ...


@runtime_checkable
class FaceLandmarker(Protocol):
    """Finds 68 points of faces, in the order of iBUG 300-W (Sagonas et al., ICCVW 2013)."""

    provenance: Provenance

    def place_points(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        """uint8 (height, width, 3) and n faces of it → float32 (n, 68, 2), x and y in pixels."""
        ...


ROLES: dict[str, type] = {
    "audio-classifier": AudioClassifier,
    "dual-tower": DualTower,
    "face-classifier": FaceClassifier,
    "face-detector": FaceDetector,
    "face-landmarker": FaceLandmarker,
    "post-classifier": PostClassifier,
    "reader": Reader,
    "speech-detector": SpeechDetector,
    "text-classifier": TextClassifier,
}
"""How the catalogue and the settings name a role."""

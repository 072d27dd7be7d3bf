"""By which sign a feeling is told: what a row of each modality holds, and who reads it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from sensorium.errors import InputError
from sensorium.media import Audio, Image, Media, Video
from sensorium.models import open as open_model
from sensorium.models import role_name
from sensorium.models.face_emotion import VOTED
from sensorium.roles import (
    AudioClassifier,
    Face,
    FaceClassifier,
    Floats,
    LabelGuesser,
    Pixels,
    PostClassifier,
    TextClassifier,
)
from sensorium.task import Opened

Sign = Literal["text", "voice", "face", "post"]
Target = Literal["sentiment", "emotion", "votes"]


_BROW_TO_CHIN = (0.11, 0.18, 0.89, 0.96)
"""Where the box of a face is in a picture that is cut to it, in the picture's width and height: the
middle, 0.78 wide, as of faces in FER2013 (280 of them, by the places of eyes and mouth)."""


@dataclass(frozen=True)
class Modality:
    """things: what its rows are, in messages. columns: that a row has beside its label. corpus: the
    column that names the set a row is of. targets: what may be asked of it, the usual one first.

    labels: of the model and the target; empty where the model does not tell it.
    read: of a row's values and the model, what `classify` takes; None where the row holds nothing.
    classify: of the model, n of these and the target, float32 (n, labels), rows that sum to 1.
    optional: of the target and the labels, those that are no answer in a corpus without them.
    """

    role: type
    things: str
    columns: tuple[str, ...]
    corpus: str
    targets: tuple[Target, ...]
    batch: int
    labels: Callable[[Any, Target], tuple[str, ...]]
    read: Callable[[dict[str, Any], Any], Any]
    classify: Callable[[Any, Sequence[Any], Target], Floats]
    optional: Callable[[Target, Sequence[str]], Sequence[str]]

    def opened(self, given: Any) -> Any:
        """The model that was handed in, or the one that a spec names, in this modality's role."""
        if isinstance(given, Unopened):
            return open_model(given.spec, self.role)
        if not isinstance(given, self.role):
            raise InputError(f"{type(given).__name__} is no {role_name(self.role)}")
        return given


@dataclass(frozen=True)
class Unopened:
    """A model by its spec, None for the chosen one, until the modality says in which role."""

    spec: str | None


def use_of_modality() -> Any:
    """A parameter that is filled with an `Unopened`, so that no other modality's model is loaded.

    A model that is handed in stays as it is.
    """
    return Opened(Unopened, "model", "the one of the modality")


def _text(values: dict[str, Any], model: TextClassifier) -> str | None:
    return (values["text"] or "").strip() or None


def _sound(values: dict[str, Any], model: AudioClassifier) -> Floats | None:
    """float32 (samples,) at the model's rate."""
    if not values["audio"]:
        return None
    heard = cast(Audio | Video, Media.of(values["audio"], Audio, Video))
    return np.concatenate([piece.samples for piece in heard.sound(model.rate)])


def _face(values: dict[str, Any], model: FaceClassifier) -> Pixels | None:
    """uint8 (height, width, 3)."""
    if not values["image"]:
        return None
    return cast(Image, Media.of(values["image"], Image)).pixels()


def _expressions(model: FaceClassifier, pictures: Sequence[Pixels], target: Target) -> Floats:
    """Against one label a face, by what the model guesses of labels, where it does."""
    guesses = target == "emotion" and isinstance(model, LabelGuesser)
    read = cast(LabelGuesser, model).guess_labels if guesses else model.classify_faces
    told = []
    for picture in pictures:
        height, width = picture.shape[:2]
        left, top, right, bottom = _BROW_TO_CHIN
        face = Face((left * width, top * height, right * width, bottom * height), 1.0)
        told.append(read(picture, [face]))
    return np.concatenate(told)


def label_of(value: Any) -> str:
    """A label as it is, of ten votes the one with most; empty where there is none."""
    if isinstance(value, list):
        return VOTED[int(np.argmax(value))] if sum(value) else ""
    return (value or "").strip()


Post = tuple[Pixels, str]


def _post(values: dict[str, Any], model: PostClassifier) -> Post | None:
    """A picture and its words, which may be none."""
    if not values["image"]:
        return None
    picture = cast(Image, Media.of(values["image"], Image)).pixels()
    return picture, (values["text"] or "").strip()


def _posts(model: PostClassifier, posts: Sequence[Post], target: Target) -> Floats:
    pictures, texts = zip(*posts, strict=True)
    return model.classify_posts(pictures, texts)


def _heads(model: TextClassifier, target: Target) -> tuple[str, ...]:
    return model.heads.get(target, ())


def _neutral(target: Target, labels: Sequence[str]) -> Sequence[str]:
    """Sets of reviews know negative and positive alone."""
    return ["neutral"] if target == "sentiment" else []


MODALITIES: dict[Sign, Modality] = {
    "text": Modality(
        role=TextClassifier,
        things="texts",
        columns=("text",),
        corpus="source",
        targets=("sentiment", "emotion"),
        batch=256,
        labels=_heads,
        read=_text,
        classify=lambda model, texts, target: model.classify_texts(texts)[target],
        optional=_neutral,
    ),
    "voice": Modality(
        role=AudioClassifier,
        things="sounds",
        columns=("audio",),
        corpus="corpus",
        targets=("emotion",),
        batch=16,
        labels=lambda model, target: model.labels,
        read=_sound,
        classify=lambda model, sounds, target: model.classify_sounds(sounds),
        optional=lambda target, labels: labels,
    ),
    "face": Modality(
        role=FaceClassifier,
        things="faces",
        columns=("image",),
        corpus="source",
        targets=("emotion", "votes"),
        batch=64,
        labels=lambda model, target: model.labels,
        read=_face,
        classify=_expressions,
        optional=lambda target, labels: labels,
    ),
    "post": Modality(
        role=PostClassifier,
        things="posts",
        columns=("image", "text"),
        corpus="source",
        targets=("sentiment",),
        batch=32,
        labels=lambda model, target: model.labels,
        read=_post,
        classify=_posts,
        optional=_neutral,
    ),
}

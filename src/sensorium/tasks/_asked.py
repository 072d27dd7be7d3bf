"""What is asked of the task `emotion`: options as values, and the models, opened when needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from sensorium.errors import InputError, ModelMissing, SensoriumError
from sensorium.media import Media
from sensorium.results.notes import MISSING
from sensorium.roles import (
    AudioClassifier,
    FaceClassifier,
    FaceDetector,
    FaceLandmarker,
    PostClassifier,
    SpeechDetector,
    TextClassifier,
)
from sensorium.task import Later

SIGNS = ("text", "voice", "face")

Model = TypeVar("Model")

_LENGTH = re.compile(r"([0-9.]+) *(ms|s|min|)")
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "": 1.0}


@dataclass(frozen=True)
class Signs:
    """Kinds of sign, written `text,voice`."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, value: Any) -> Self:
        """Of words with commas between them, or of a sequence."""
        given = value.split(",") if isinstance(value, str) else list(value)
        names = [str(one).strip() for one in given if str(one).strip()]
        for name in names:
            if name not in SIGNS:
                raise InputError(f"“{name}” is no kind of sign", hint=",".join(SIGNS))
        if not names:
            raise InputError("no kind of sign is named", hint=",".join(SIGNS))
        return cls(tuple(one for one in SIGNS if one in names))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __str__(self) -> str:
        return ",".join(self.names)


class Seconds(float):
    """A length of time, written `0.5s`, `500ms` or `2min`; a bare number is of seconds."""

    WANTED: ClassVar[str] = "a length of time as 1s, 500ms or 2min"

    @classmethod
    def of(cls, value: Any) -> Self:
        """Raises ValueError for what is none."""
        found = _LENGTH.fullmatch(str(value).strip().lower())
        if found is None:
            raise ValueError(value)
        return cls(float(found[1]) * _UNITS[found[2]])

    def __str__(self) -> str:
        return f"{float(self):g}s"


@dataclass(frozen=True)
class Models:
    """One a role, each opened when it is first needed."""

    text: Later[TextClassifier]
    voice: Later[AudioClassifier]
    speech: Later[SpeechDetector]
    face: Later[FaceClassifier]
    faces: Later[FaceDetector]
    landmarks: Later[FaceLandmarker]
    post: Later[PostClassifier]


@dataclass(frozen=True)
class Asked:
    """The options of the task; see there."""

    models: Models
    transcript: Path | None
    lang: str
    every: float
    only: Signs
    speaker_baseline: bool
    resume: bool
    with_text: str


def opened(model: Later[Model], sign: str, notes: list[str]) -> Model | None:
    """The model, or None with a note where it is not on this machine; one that was named must be.

    Raises what opening a named one raises.
    """
    try:
        return model()
    except SensoriumError as error:
        if model.named:
            raise
        hint = f" ({error.hint})" if error.hint else ""
        notes.append(MISSING(sign=sign, why=f"{error}{hint}"))
        return None


def unread(item: Media, notes: Sequence[str]) -> SensoriumError:
    """Why nothing of an item was read: the models that are not here, or what it does not have."""
    what = f"{item.name} cannot be read"
    if missing := [note for note in notes if "left out" in note]:
        return ModelMissing(what, "; ".join(missing), "sensorium models list")
    return InputError(what, "; ".join(notes))


def refuse_unless(wanted: bool, option: str, why: str) -> None:
    """An option that this kind of item cannot use."""
    if not wanted:
        raise InputError(f"{option} is of no use here", why)


def sentence(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

"""Written by `make docs` out of the tasks' signatures; do not edit."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from sensorium import train as train
from sensorium.errors import SensoriumError as SensoriumError
from sensorium.flow import Failed as Failed
from sensorium.index import Index as Index
from sensorium.index import Query as Query
from sensorium.media import Audio as Audio
from sensorium.media import Image as Image
from sensorium.media import Media as Media
from sensorium.media import Span as Span
from sensorium.media import Text as Text
from sensorium.media import Video as Video
from sensorium.media import text as text
from sensorium.results import Boxes, Hits, Scores, Timeline, Vectors
from sensorium.results import Result as Result
from sensorium.roles import (
    AudioClassifier,
    DualTower,
    FaceClassifier,
    FaceDetector,
    FaceLandmarker,
    PostClassifier,
    Reader,
    SpeechDetector,
    TextClassifier,
)
from sensorium.task import Event

__version__: str

# A path, words, encoded bytes, a Media, a PIL picture or a uint8 array (height, width, 3).
_Given = str | Path | bytes | Media | Any

class _Embed:
    """Where a picture, a video or a text lies in the model's space, as vectors of unit length.

    A picture or words give one vector; a video one a scene, a text file one a passage, with the
    moment in the id: `clip.mp4@10s-20s`. Near vectors mean alike, within one model only."""

    def __call__(
        self, item: _Given, *, every: float = ..., model: str | DualTower | None = None
    ) -> Vectors: ...
    def stream(
        self, item: _Given, *, every: float = ..., model: str | DualTower | None = None
    ) -> Generator[Event | Vectors]: ...
    def map(
        self, items: Iterable[_Given], *, every: float = ..., model: str | DualTower | None = None
    ) -> Iterator[Vectors | Failed]: ...

class _Emotion:
    """What is felt when, and by which sign: words, voices and faces.

    Of a text sentence by sentence, Chinese and English, with the words that carry it; of a sound
    the voice, of a picture its faces, of a video both along time; and a row in which all are
    fused. What is said in a sound is read from --transcript. A model that is not on this machine
    leaves out its row, and a note says so. It is a reading of signs by small models, not of minds;
    not for decisions about people."""

    def __call__(
        self,
        item: _Given,
        *,
        transcript: Path | str | None = None,
        lang: Literal["auto", "zh", "en"] = ...,
        every: str | Any = ...,
        only: str | Any = ...,
        speaker_baseline: bool = ...,
        resume: bool = ...,
        with_text: str = ...,
        text_model: str | TextClassifier | None = None,
        voice_model: str | AudioClassifier | None = None,
        speech_detector: str | SpeechDetector | None = None,
        face_model: str | FaceClassifier | None = None,
        face_detector: str | FaceDetector | None = None,
        landmarks: str | FaceLandmarker | None = None,
        post_model: str | PostClassifier | None = None,
    ) -> Timeline: ...
    def stream(
        self,
        item: _Given,
        *,
        transcript: Path | str | None = None,
        lang: Literal["auto", "zh", "en"] = ...,
        every: str | Any = ...,
        only: str | Any = ...,
        speaker_baseline: bool = ...,
        resume: bool = ...,
        with_text: str = ...,
        text_model: str | TextClassifier | None = None,
        voice_model: str | AudioClassifier | None = None,
        speech_detector: str | SpeechDetector | None = None,
        face_model: str | FaceClassifier | None = None,
        face_detector: str | FaceDetector | None = None,
        landmarks: str | FaceLandmarker | None = None,
        post_model: str | PostClassifier | None = None,
    ) -> Generator[Event | Timeline]: ...
    def map(
        self,
        items: Iterable[_Given],
        *,
        transcript: Path | str | None = None,
        lang: Literal["auto", "zh", "en"] = ...,
        every: str | Any = ...,
        only: str | Any = ...,
        speaker_baseline: bool = ...,
        resume: bool = ...,
        with_text: str = ...,
        text_model: str | TextClassifier | None = None,
        voice_model: str | AudioClassifier | None = None,
        speech_detector: str | SpeechDetector | None = None,
        face_model: str | FaceClassifier | None = None,
        face_detector: str | FaceDetector | None = None,
        landmarks: str | FaceLandmarker | None = None,
        post_model: str | PostClassifier | None = None,
    ) -> Iterator[Timeline | Failed]: ...

class _Match:
    """How well each of several texts fits a picture, or each of several pictures a text.

    The probabilities are over what was given and sum to 1: they say which fits best among these,
    not whether any fits."""

    def __call__(
        self, item: _Given, among: Sequence[_Given], *, model: str | DualTower | None = None
    ) -> Scores: ...
    def stream(
        self, item: _Given, among: Sequence[_Given], *, model: str | DualTower | None = None
    ) -> Generator[Event | Scores]: ...
    def map(
        self,
        items: Iterable[_Given],
        *,
        among: Sequence[_Given],
        model: str | DualTower | None = None,
    ) -> Iterator[Scores | Failed]: ...

class _Read:
    """Read the words that stand in a picture, or in the frame at a moment of a video.

    Gives a box a line of words, in reading order. The model reads Chinese and English and comes
    with the extra `ocr`."""

    def __call__(self, picture: _Given, *, model: str | Reader | None = None) -> Boxes: ...
    def stream(
        self, picture: _Given, *, model: str | Reader | None = None
    ) -> Generator[Event | Boxes]: ...
    def map(
        self, items: Iterable[_Given], *, model: str | Reader | None = None
    ) -> Iterator[Boxes | Failed]: ...

class _Search:
    """Find pictures, moments of videos and passages of text by words, by a picture, or by both.

    Terms may be added and subtracted: `photo.jpg + "at night" - people`, and weighted:
    `0.5:photo.jpg`. `clip.mp4@12s` is one frame of a video; `@-` is what comes on stdin."""

    def __call__(
        self,
        query: Query | _Given | Sequence[_Given],
        *,
        k: int = ...,
        kind: Sequence[Literal["image", "video", "audio", "text"]] = ...,
        since: date | str | None = None,
        until: date | str | None = None,
        near: str | Any | None = None,
        camera: str = ...,
        path: str = ...,
        emotion: Sequence[
            Literal["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
        ] = ...,
        min_score: float = ...,
        among: Path | str | None = None,
        library: str | Index | None = None,
        model: str | DualTower | None = None,
    ) -> Hits: ...
    def stream(
        self,
        query: Query | _Given | Sequence[_Given],
        *,
        k: int = ...,
        kind: Sequence[Literal["image", "video", "audio", "text"]] = ...,
        since: date | str | None = None,
        until: date | str | None = None,
        near: str | Any | None = None,
        camera: str = ...,
        path: str = ...,
        emotion: Sequence[
            Literal["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
        ] = ...,
        min_score: float = ...,
        among: Path | str | None = None,
        library: str | Index | None = None,
        model: str | DualTower | None = None,
    ) -> Generator[Event | Hits]: ...
    def map(
        self,
        items: Iterable[Query | _Given | Sequence[_Given]],
        *,
        k: int = ...,
        kind: Sequence[Literal["image", "video", "audio", "text"]] = ...,
        since: date | str | None = None,
        until: date | str | None = None,
        near: str | Any | None = None,
        camera: str = ...,
        path: str = ...,
        emotion: Sequence[
            Literal["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
        ] = ...,
        min_score: float = ...,
        among: Path | str | None = None,
        library: str | Index | None = None,
        model: str | DualTower | None = None,
    ) -> Iterator[Hits | Failed]: ...

embed: _Embed
emotion: _Emotion
match: _Match
read: _Read
search: _Search

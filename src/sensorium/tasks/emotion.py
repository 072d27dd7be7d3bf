from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Literal

from sensorium.media import Audio, Image, Text, Video
from sensorium.results import Timeline
from sensorium.roles import (
    AudioClassifier,
    FaceClassifier,
    FaceDetector,
    FaceLandmarker,
    PostClassifier,
    SpeechDetector,
    TextClassifier,
)
from sensorium.task import Event, Later, Range, later, task
from sensorium.tasks._asked import SIGNS, Asked, Models, Seconds, Signs, refuse_unless
from sensorium.tasks._moving import of_moving
from sensorium.tasks._still import of_image, of_text


@task(example=["I waited for hours, and nobody came. Then you called!"])
def emotion(
    item: Text | Audio | Image | Video,
    *,
    transcript: Annotated[
        Path | None,
        "What is said in a sound or video: .srt, .vtt or .txt, or a folder that has it by name.",
    ] = None,
    lang: Annotated[Literal["auto", "zh", "en"], "The language of words and speech."] = "auto",
    every: Annotated[Seconds, Range(0.1, 600), "Length of a step in time."] = Seconds(1),
    only: Annotated[Signs, "Which signs are read."] = Signs(SIGNS),
    speaker_baseline: Annotated[
        bool, "Also tell a voice by what differs from its own way."
    ] = False,
    resume: Annotated[bool, "Go on where a run of a long file was cut off."] = False,
    with_text: Annotated[str, "Of a picture: the words that were posted with it."] = "",
    text_model: Later[TextClassifier] = later("text-classifier"),
    voice_model: Later[AudioClassifier] = later("audio-classifier"),
    speech_detector: Later[SpeechDetector] = later("speech-detector"),
    face_model: Later[FaceClassifier] = later("face-classifier"),
    face_detector: Later[FaceDetector] = later("face-detector"),
    landmarks: Later[FaceLandmarker] = later("face-landmarker"),
    post_model: Later[PostClassifier] = later("post-classifier"),
) -> Generator[Event, None, Timeline]:
    """What is felt when, and by which sign: words, voices and faces.

    Of a text sentence by sentence, Chinese and English, with the words that carry it; of a sound
    the voice, of a picture its faces, of a video both along time; and a row in which all are
    fused. What is said in a sound is read from --transcript. A model that is not on this machine
    leaves out its row, and a note says so. It is a reading of signs by small models, not of minds;
    not for decisions about people.
    """
    models = Models(
        text_model, voice_model, speech_detector, face_model, face_detector, landmarks, post_model
    )
    asked = Asked(models, transcript, lang, every, only, speaker_baseline, resume, with_text)
    moves = isinstance(item, Audio | Video)
    refuse_unless(transcript is None or moves, "--transcript", "it is of a sound or a video")
    refuse_unless(not with_text or isinstance(item, Image), "--with-text", "it is of a picture")
    match item:
        case Text():
            return (yield from of_text(item, asked))
        case Image():
            return (yield from of_image(item, asked))
        case Audio() | Video():
            return (yield from of_moving(item, asked))

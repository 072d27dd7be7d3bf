import io
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.flow import Failed
from sensorium.results import Provenance
from sensorium.roles import AudioClassifier, Floats

Write = Callable[..., Path]
emotion = EVALUATIONS["emotion"]
TONES = {"anger": 200, "boredom": 400, "calm": 800, "neutral": 1600}  # Hz
HEARD = np.array(
    [[0.7, 0.0, 0.2, 0.1], [0.05, 0.45, 0.5, 0.0], [0, 0, 0.9, 0.1], [0, 0, 0.1, 0.9]], np.float32
)


class Tones:
    """Hears the tone of each label; boredom sounds to it much like calm."""

    def __init__(self) -> None:
        self.provenance = Provenance("dir:tones", "1")
        self.rate = 8000
        self.labels = tuple(TONES)
        self.languages = ("en",)
        self.batches: list[int] = []

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        self.batches.append(len(sounds))
        return np.stack([self._row(sound) for sound in sounds])

    def _row(self, sound: Floats) -> Floats:
        times = np.arange(len(sound)) / self.rate
        row = np.array([abs(sound @ np.exp(2j * np.pi * f * times)) for f in TONES.values()])
        heard: Floats = HEARD[int(row.argmax())]
        return heard


def tone(label: str, rate: int = 16_000) -> bytes:
    samples = np.sin(2 * np.pi * TONES[label] * np.arange(rate // 4) / rate) * 8000
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


@pytest.fixture
def data(write: Write) -> Path:
    """Corpus a has no calm, b has no boredom; one sound is none."""
    rows = [
        (tone("anger"), "anger", "a", "de"),
        (tone("boredom"), "boredom", "a", "de"),
        (tone("neutral"), "neutral", "a", "de"),
        (tone("calm"), "calm", "b", "en"),
        (tone("anger"), "neutral", "b", "en"),
        (tone("anger"), "contempt", "b", "en"),
        (tone("anger"), None, "b", "en"),
        (b"no sound", "anger", "b", "en"),
    ]
    names = ("audio", "emotion", "corpus", "language")
    columns = [list(column) for column in zip(*rows, strict=True)]
    return write(**dict(zip(names, columns, strict=True)))


def test_the_model_is_one() -> None:
    assert isinstance(Tones(), AudioClassifier)


def test_each_corpus_is_scored_on_the_labels_that_it_has(data: Path) -> None:
    report = emotion(data, modality="voice", model=Tones())
    assert (report.n, report.left_out, report.unknown_labels) == (5, 2, {"contempt": 1})
    assert report.labels == tuple(TONES)
    # What sounds like calm is boredom in a corpus without calm.
    assert report.confusion == ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 1, 1))
    assert report.by_corpus["a"]["accuracy"] == 1
    assert report.by_corpus["b"]["balanced_accuracy"] == 0.5
    assert set(report.by_language) == {"de", "en"}


def test_a_sound_that_cannot_be_read_is_named(data: Path) -> None:
    events = list(emotion.stream(data, modality="voice", model=Tones()))
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.error.what == "row 7 is left out"


def test_sounds_go_through_in_batches(write: Write) -> None:
    model = Tones()
    emotion(
        write(audio=[tone("anger")] * 18, emotion=["anger", "calm"] * 9),
        modality="voice",
        model=model,
    )
    assert model.batches == [16, 2]


def test_only_the_model_of_the_modality_is_opened(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, type]] = []

    def opened(spec: str | None, role: type) -> Tones:
        asked.append((spec, role))
        return Tones()

    monkeypatch.setattr("sensorium.evaluate._modalities.open_model", opened)
    emotion(data, modality="voice", model="dir:tones")
    emotion(data, modality="voice")
    assert asked == [("dir:tones", AudioClassifier), (None, AudioClassifier)]


def test_what_a_voice_does_not_tell_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="voice tells no sentiment"):
        emotion(data, modality="voice", target="sentiment", model=Tones())
    with pytest.raises(InputError, match="no text-classifier"):
        emotion(data, model=Tones())

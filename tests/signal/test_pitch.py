"""Pitch of sounds whose pitch is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.signal.pitch import pitch

Floats = NDArray[np.float32]


def sung(hertz: NDArray[np.float64], rate: int, noise: float = 0.0) -> Floats:
    """A vowel (resonances at 600, 1300 and 2600 Hz) whose pitch runs as `hertz`, a sample each."""
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    total = np.zeros(len(hertz))
    for harmonic in range(1, 50):
        at = harmonic * hertz
        lift = sum(1 / np.hypot(1, (at - c) / b) for c, b in ((600, 80), (1300, 100), (2600, 150)))
        total += np.where(at < 0.45 * rate, lift / harmonic * np.sin(harmonic * phase), 0)
    total /= np.sqrt(np.mean(total**2))
    total += noise * np.random.default_rng(0).standard_normal(len(total))
    return (0.1 * total).astype(np.float32)


@settings(deadline=None)
@given(st.floats(66, 590), st.sampled_from([8_000, 16_000, 44_100, 48_000]), st.floats(1e-4, 1.0))
def test_a_sine_has_its_pitch(hertz: float, rate: int, loud: float) -> None:
    times = np.arange(rate // 2) / rate
    track = pitch((loud * np.sin(2 * np.pi * hertz * times)).astype(np.float32), rate)
    assert len(track.times) == 50 and track.times[0] == pytest.approx(0.005)
    inner = slice(3, -3)
    assert track.voiced[inner].all()
    assert np.abs(track.hertz[inner] / hertz - 1).max() < 0.01


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("noise", [0.0, 0.3, 0.5])
def test_a_gliding_voice_is_followed(rate: int, noise: float) -> None:
    times = np.arange(3 * rate) / rate
    truth = 200 * 2 ** (0.8 * np.sin(2 * np.pi * 0.7 * times))  # 115 to 348 Hz
    track = pitch(sung(truth, rate, noise), rate)
    expected = np.interp(track.times, times, truth)
    inner = slice(3, -3)
    assert track.voiced[inner].mean() > 0.99
    off = np.abs(track.hertz / expected - 1)[inner][track.voiced[inner]]
    assert off.max() < 0.06 and np.median(off) < 0.004


def test_noise_silence_and_a_hum_have_none() -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    assert pitch(noise, 16_000).voiced.mean() < 0.01
    silence = pitch(np.zeros(16_000, np.float32), 16_000)
    assert not silence.voicing.any() and not silence.hertz.any()
    assert not pitch(np.full(16_000, 0.5, np.float32), 16_000).voiced[3:-3].any()
    for few in range(0, 200, 13):
        assert len(pitch(noise[:few], 16_000).times) == int(few / 160 + 0.5)


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 30), st.integers(0, 3))
def test_loudness_changes_nothing(gain: float, seed: int) -> None:
    truth = np.random.default_rng(seed).uniform(100, 300) * np.ones(8_000)
    samples = sung(truth, 16_000, 0.1)
    one, other = pitch(samples, 16_000), pitch(np.float32(gain) * samples, 16_000)
    assert np.allclose(one.hertz, other.hertz, rtol=1e-3)
    assert np.allclose(one.voicing, other.voicing, atol=1e-3)


def test_speech_and_pause_are_told_apart() -> None:
    samples = sung(np.full(32_000, 150.0), 16_000)
    samples[8_000:16_000] = 1e-5 * np.random.default_rng(2).standard_normal(8_000)
    track = pitch(samples, 16_000)
    pause = (track.times > 0.52) & (track.times < 0.98)
    assert not track.voiced[pause].any()
    assert track.voiced[(track.times < 0.48) | ((track.times > 1.02) & (track.times < 1.97))].all()


def test_a_high_pitch_needs_its_range_to_be_asked_for() -> None:
    times = np.arange(16_000) / 16_000
    whistle = np.sin(2 * np.pi * 1500 * times).astype(np.float32)
    track = pitch(whistle, 16_000, fmin=200, fmax=2500, hop=0.02)
    assert np.abs(track.hertz[3:-3] / 1500 - 1).max() < 0.01
    with pytest.raises(InputError, match="found below 4000 Hz"):
        pitch(whistle, 16_000, fmin=200, fmax=5000)


def test_it_is_as_near_as_praat() -> None:
    parselmouth = pytest.importorskip("parselmouth")
    times = np.arange(48_000) / 16_000
    truth = 200 * 2 ** (0.8 * np.sin(2 * np.pi * 0.7 * times))
    for noise in (0.3, 0.7):
        samples = sung(truth, 16_000, noise)
        track = pitch(samples, 16_000)
        praat = parselmouth.Sound(samples.astype(float), 16_000).to_pitch(0.01, 65, 600)
        theirs = praat.selected_array["frequency"]
        off = np.abs(track.hertz / np.interp(track.times, times, truth) - 1)[track.voiced]
        there = np.abs(theirs / np.interp(praat.xs(), times, truth) - 1)[theirs > 0]
        assert np.mean(off[3:-3]) < np.mean(there) * 1.1

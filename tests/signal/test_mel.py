"""Spectra, mel bands and cepstra: as librosa 0.11 has them, checked without it by its values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.signal.mel import (
    decibels,
    hz_to_mel,
    log_mel,
    mel_filters,
    mel_spectrogram,
    mel_to_hz,
    mfcc,
    whisper_log_mel,
)
from sensorium.signal.spectrum import hann, spectrogram, stft

Floats = NDArray[np.float32]
RATE = 16_000
FRAMES = [0, 20, 62]
# Values of librosa 0.11.0 for `heard()`: feature.mfcc, power_to_db(feature.melspectrogram),
# stft(n_fft=512, hop_length=128), filters.mel(sr=22050, n_fft=1024, n_mels=40).
MFCC = """
    -259.460 81.892 67.609 44.758 36.901 27.217 14.581 12.431
    -270.619 17.208 18.147 19.006 12.958 7.413 4.699 3.361
    -73.027 51.572 41.248 29.927 17.743 11.921 9.200 -0.319"""
LOG_MEL = """
    7.566 -12.584 -24.771 -26.128 -29.671 -27.094 -33.579 -26.068
    -29.399 -23.553 -23.647 -30.848 -25.820 -24.574 -24.034 -26.082
    4.194 4.263 -21.255 -11.834 -12.667 -14.214 -16.663 -14.454"""
STFT = {3: -13.3108 + 11.7347j, 5: -22.0233 - 30.8411j, 20: -0.1989 + 0.0912j}
SLANEY = [(4, 0.011566), (34, 0.012059), (69, 0.007658), (134, 0.004059), (262, 0.002103)]
HTK = [(2, 0.864589), (28, 0.963168), (72, 0.98758), (149, 0.982006), (282, 0.985122)]


def heard() -> Floats:
    """Two seconds: a tone that rises, a square wave in the second half, a little noise."""
    times = np.arange(2 * RATE) / RATE
    rising = 0.3 * np.sin(2 * np.pi * (120 * times + 40 * times * times))
    square = 0.2 * np.sign(np.sin(2 * np.pi * 310 * times)) * (times > 1)
    noise = 0.01 * np.random.default_rng(7).uniform(-1, 1, len(times))
    return (rising + square + noise).astype(np.float32)


def table(words: str) -> NDArray[np.float64]:
    return np.array([row.split() for row in words.strip().splitlines()], float)


def test_cepstra_and_mel_bands_are_librosa_s() -> None:
    found = mfcc(heard(), RATE)
    assert found.shape == (20, 63) and found.dtype == np.float32
    assert np.abs(found[:8, FRAMES].T - table(MFCC)).max() < 1e-3
    bands = log_mel(heard(), RATE)
    assert bands.shape == (128, 63)
    assert np.abs(bands[::16, FRAMES].T - table(LOG_MEL)).max() < 1e-3


def test_spectra_are_librosa_s() -> None:
    found = stft(heard(), 512, 128)
    assert found.shape == (257, 251) and found.dtype == np.complex64
    for (bin_, expected), frame in zip(STFT.items(), (0, 50, 150), strict=True):
        assert abs(found[bin_, frame] - expected) < 1e-3


def test_filters_are_librosa_s() -> None:
    slaney = mel_filters(22_050, 1024, 40)[::8]
    htk = mel_filters(22_050, 1024, 40, scale="htk", equal_area=False)[::8]
    for rows, expected in ((slaney, SLANEY), (htk, HTK)):
        for row, (peak, height) in zip(rows, expected, strict=True):
            assert row.argmax() == peak and row.max() == pytest.approx(height, abs=1e-5)


def test_all_of_it_against_librosa_itself() -> None:
    librosa = pytest.importorskip("librosa")
    sounds = [heard(), np.zeros(5000, np.float32), 1e-4 * heard(), heard()[:700]]
    for samples in sounds:
        for ours, theirs in (
            (mfcc(samples, RATE), librosa.feature.mfcc(y=samples, sr=RATE)),
            (stft(samples), librosa.stft(samples)),
            (
                log_mel(samples, 22_050, 1024, 256, 64, 50.0, 8000.0),
                librosa.power_to_db(
                    librosa.feature.melspectrogram(
                        y=samples, sr=22_050, n_fft=1024, hop_length=256, n_mels=64, fmin=50,
                        fmax=8000,
                    )
                ),
            ),
        ):  # fmt: skip
            assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-3
    reflected = librosa.stft(heard(), n_fft=400, hop_length=160, pad_mode="reflect")
    assert np.abs(stft(heard(), 400, 160, "reflect") - reflected).max() < 1e-3


def naive_stft(samples: Floats, n_fft: int, hop: int) -> NDArray[np.complex128]:
    padded = np.pad(samples.astype(float), n_fft // 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft)
    count = 1 + len(samples) // hop
    return np.stack([turns @ (window * padded[t * hop :][:n_fft]) for t in range(count)], 1)


@given(st.integers(0, 400), st.sampled_from([16, 50, 64]), st.integers(1, 70))
def test_a_transform_is_its_definition(count: int, n_fft: int, hop: int) -> None:
    samples = np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)
    expected = naive_stft(samples, n_fft, hop)
    assert np.abs(stft(samples, n_fft, hop) - expected).max() < 1e-4
    power = spectrogram(samples, n_fft, hop)
    assert np.abs(power - np.abs(expected) ** 2).max() < 1e-3
    assert np.abs(spectrogram(samples, n_fft, hop, power=1) ** 2 - power).max() < 1e-3


def test_bands_are_filters_times_power() -> None:
    bands = mel_spectrogram(heard(), RATE, 1024, 200, 40, 60.0, 6000.0)
    filters = mel_filters(RATE, 1024, 40, 60.0, 6000.0)
    assert np.allclose(bands, filters @ spectrogram(heard(), 1024, 200), rtol=1e-4, atol=1e-6)
    narrow = mel_spectrogram(heard(), RATE, 128, 128, 120)  # more bands than bins: some are empty
    assert np.isfinite(narrow).all() and (narrow >= 0).all()


@given(st.floats(0.05, 20))
def test_twice_as_loud_is_six_decibels(gain: float) -> None:
    louder = log_mel(np.float32(gain) * heard(), RATE)
    expected = log_mel(heard(), RATE) + 20 * np.log10(gain)
    loud = expected > -60  # above the least that is told
    assert np.abs(louder - expected)[loud].max() < 1e-2
    first, rest = mfcc(np.float32(gain) * heard(), RATE), mfcc(heard(), RATE)
    assert np.abs(first[1:] - rest[1:]).max() < 0.05


def test_decibels() -> None:
    power = np.array([[1.0, 1e-4, 1e-12]], np.float32)
    assert decibels(power).tolist() == [[0, -40, -80]]
    assert decibels(power, top_db=None)[0, 2] == pytest.approx(-100)
    assert decibels(power, ref=1e-4, top_db=None)[0, 1] == pytest.approx(0, abs=1e-5)


@given(st.floats(0, 8000), st.sampled_from(["slaney", "htk"]))
def test_mel_and_back(hertz: float, scale: str) -> None:
    there = hz_to_mel(hertz, scale)  # type: ignore[arg-type]
    back = mel_to_hz(np.array([there]), scale)  # type: ignore[arg-type]
    assert float(back[0]) == pytest.approx(hertz, abs=1e-6)
    assert hz_to_mel(1000, "htk") == pytest.approx(1000, abs=0.1) and hz_to_mel(
        1000
    ) == pytest.approx(15)


def test_whisper_s_bands_are_its_formula() -> None:
    found = whisper_log_mel(heard())
    assert found.shape == (80, 200)
    power = spectrogram(heard(), 400, 160, padding="reflect")[:, :-1]
    level = np.log10(np.maximum(mel_filters(RATE, 400, 80) @ power, 1e-10))
    expected = (np.maximum(level, level.max() - 8) + 4) / 4
    assert np.abs(found - expected).max() < 1e-4
    assert np.unique(whisper_log_mel(np.zeros(1600, np.float32))).tolist() == pytest.approx([-1.5])


def test_what_cannot_be_is_told() -> None:
    samples = heard()
    with pytest.raises(InputError):
        stft(samples, 511)
    with pytest.raises(InputError):
        stft(samples, hop=0)
    with pytest.raises(InputError, match="too few to reflect"):
        whisper_log_mel(samples[:100])
    with pytest.raises(InputError):
        mel_filters(RATE, fmax=9000)
    assert hann(4).tolist() == pytest.approx([0, 0.5, 1, 0.5])

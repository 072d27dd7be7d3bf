"""Loudness, syllables, pauses and roughness of voices made here, all of them known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.signal.loudness import GATE, k_weighting, levels, loudness
from sensorium.signal.prosody import (
    characters_rate,
    pauses,
    prosody,
    roughness,
    sounding,
    speech_rate,
    syllables,
)

Floats = NDArray[np.float32]
RATE = 16_000


def pulses(periods: NDArray[np.float64], rate: int = RATE) -> Floats:
    """A voice of one ringing pulse a period, in seconds."""
    marks = np.cumsum(periods)
    total = np.zeros(int(marks[-1] * rate) + 1000)
    steps = np.arange(800) / rate
    for mark in marks:
        first = int(np.ceil(mark * rate))
        since = steps + first / rate - mark
        ring = np.exp(-200 * since) * np.sin(2 * np.pi * 600 * since)
        ring += 0.5 * np.exp(-250 * since) * np.sin(2 * np.pi * 1400 * since)
        total[first : first + 800] += ring[: len(total) - first]
    return np.asarray(0.5 * total / np.abs(total).max(), np.float32)


def spoken(beats: str, hertz: float = 150.0, beat: float = 0.25) -> Floats:
    """A syllable for every `o`, silence for every `.`, each `beat` seconds."""
    size = round(beat * RATE)
    voice = pulses(np.full(int(len(beats) * beat * hertz) + 2, 1 / hertz))
    swell = np.concatenate(
        [np.sin(np.pi * np.arange(size) / size) ** 2 * (one == "o") for one in beats]
    )
    return np.asarray(voice[: len(swell)] * swell, np.float32)


def tone(hertz: float, rate: int, seconds: float = 3.0, loud: float = 1.0) -> Floats:
    times = np.arange(round(seconds * rate)) / rate
    return np.asarray(loud * np.sin(2 * np.pi * hertz * times), np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_the_standard_s_tone_has_the_standard_s_loudness(rate: int) -> None:
    assert loudness(tone(997, rate), rate) == pytest.approx(-3.01, abs=0.05)
    assert loudness(tone(997, rate, 100.0, 0.1), rate) == pytest.approx(-23.01, abs=0.05)
    assert loudness(tone(997, rate, 0.2), rate) == pytest.approx(-3.01, abs=0.2)


def test_the_weighting_is_the_standard_s_at_48_khz() -> None:
    """Against the coefficients that BS.1770 prints."""
    hertz = np.array([20.0, 38, 100, 997, 2000, 10_000])
    z = np.exp(-2j * np.pi * hertz / 48_000)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    assert np.abs(k_weighting(hertz, 48_000) / (shelf * high_pass) - 1).max() < 0.006


def test_pauses_do_not_count_as_quiet() -> None:
    speech = tone(997, RATE, 5.0, 0.1)
    with_pause = np.concatenate([speech, np.zeros(5 * RATE, np.float32), speech])
    assert loudness(with_pause, RATE) == pytest.approx(loudness(speech, RATE), abs=0.3)
    assert loudness(np.zeros(RATE, np.float32), RATE) == GATE
    assert loudness(np.zeros(0, np.float32), RATE) == GATE


def test_pyloudnorm_agrees() -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    samples = spoken("oo.ooo..oo") + np.float32(0.01) * tone(90, RATE, 2.5)
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    expected = meter.integrated_loudness(samples.astype(float))
    assert loudness(samples, RATE) == pytest.approx(expected, abs=1e-3)


@given(st.floats(0.01, 1))
def test_levels_are_root_mean_squares(loud: float) -> None:
    found = levels(tone(200, RATE, 1.0, loud), RATE)
    assert found.shape == (100,) and found.dtype == np.float32
    assert np.abs(found - (20 * np.log10(loud) - 3.0103)).max() < 0.01
    assert levels(np.zeros(400, np.float32), RATE).tolist() == [-100, -100]


@settings(deadline=None, max_examples=15)
@given(
    st.text("o.", min_size=2, max_size=20).filter(lambda beats: "o" in beats), st.floats(0.05, 1)
)
def test_syllables_are_counted(beats: str, gain: float) -> None:
    samples = np.float32(gain) * spoken(beats)
    found = syllables(samples, RATE)
    expected = [(at + 0.5) * 0.25 for at, one in enumerate(beats) if one == "o"]
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < 0.05
    assert speech_rate(samples, RATE) == pytest.approx(len(expected) / len(beats) / 0.25)


def test_what_has_no_voice_has_no_syllables() -> None:
    swell = np.abs(np.sin(np.pi * 4 * np.arange(2 * RATE) / RATE))
    noise = 0.1 * swell * np.random.default_rng(0).standard_normal(2 * RATE)
    assert len(syllables(noise.astype(np.float32), RATE)) == 0
    assert len(syllables(np.zeros(100, np.float32), RATE)) == 0


def test_pauses_lie_between_what_sounds() -> None:
    samples = spoken("..ooo..oooo...oo.")
    (first, second) = pauses(samples, RATE)
    assert (first.start, first.end) == pytest.approx((1.25, 1.75), abs=0.09)
    assert (second.start, second.end) == pytest.approx((2.75, 3.5), abs=0.09)
    assert len(sounding(samples, RATE)) == 3
    assert pauses(np.zeros(RATE, np.float32), RATE) == ()
    assert pauses(spoken("oo.oo"), RATE) == () or pauses(spoken("oo.oo"), RATE)[0].end < 0.85


@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.02])
def test_roughness_grows_with_the_unrest_of_periods(jitter: float) -> None:
    """A pulse that comes late is heard against the ringing of the one before, so that less of its
    lateness is found than was given: about seven tenths, here as in Praat."""
    unrest = 1 + jitter * np.random.default_rng(0).standard_normal(600)
    periods = unrest / 150
    given_ = np.abs(np.diff(periods)).mean() / periods.mean()
    found = roughness(pulses(periods), RATE)
    assert found == pytest.approx(0.72 * given_, rel=0.15, abs=3e-4)
    assert np.isnan(roughness(np.zeros(RATE, np.float32), RATE))


def test_praat_finds_the_same_roughness() -> None:
    praat = pytest.importorskip("parselmouth.praat")
    parselmouth = pytest.importorskip("parselmouth")
    for jitter in (0.003, 0.01):
        unrest = 1 + jitter * np.random.default_rng(1).standard_normal(600)
        samples = pulses(unrest / 130)
        sound = parselmouth.Sound(samples.astype(float), RATE)
        marks = praat.call(sound, "To PointProcess (periodic, cc)", 65, 600)
        theirs = praat.call(marks, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
        assert roughness(samples, RATE) == pytest.approx(theirs, rel=0.2)


def test_all_of_it() -> None:
    told = prosody(spoken("ooo...ooo", hertz=180.0), RATE)
    assert told.seconds == pytest.approx(2.25)
    assert told.pitch == pytest.approx(180, rel=0.01)
    assert told.pitch_low <= told.pitch <= told.pitch_high and told.pitch_range < 1
    assert told.syllables == 6 and told.speech_rate == pytest.approx(6 / 2.25)
    assert told.articulation_rate == pytest.approx(6 / 1.5, rel=0.15)
    assert len(told.pauses) == 1 and 0.4 < told.voiced < 0.75
    assert -40 < told.loudness < -5 and -40 < told.level < -5 and told.roughness < 0.01


def test_of_nothing_and_of_silence() -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(RATE, np.float32)):
        told = prosody(samples, RATE)
        assert np.isnan(told.pitch) and np.isnan(told.roughness) and told.pauses == ()
        assert (told.syllables, told.speech_rate, told.level) == (0, 0, -100)


def test_chinese_is_counted_by_characters() -> None:
    assert characters_rate("希望你以后，能够做的比我还好呦。OK", 3.5) == 4
    assert characters_rate("hello", 2.0) == 0 == characters_rate("好", 0)

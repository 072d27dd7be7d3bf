"""The listener to voices with the weights that are built in, on sounds that are made here."""

import json
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.models._labels import fold
from sensorium.models.voice_emotion import VoiceEmotionListener, padded, prepared
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import AudioClassifier, Floats, StrangerListener
from sensorium.runtime.catalogue import BUILTIN
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.spec import Folder

RATE = 16_000


def voice(seconds: float, seed: int = 0) -> Floats:
    """Something like a vowel whose pitch moves, in syllables."""
    chance = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    hertz = 150 + 40 * np.sin(2 * np.pi * 0.7 * times + seed)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    tone = sum(np.sin(k * phase) / (1 + abs(k * 150 - 600) / 200) for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 4 * times), 0, 1)
    noise = chance.normal(0, 0.002, len(times))
    return np.asarray(0.1 * tone * syllables + noise, np.float32)


@pytest.fixture(scope="module")
def listener() -> AudioClassifier:
    return open_model(None, AudioClassifier)


def test_the_built_in_model_is_one(listener: AudioClassifier) -> None:
    assert isinstance(listener, AudioClassifier)
    assert (listener.rate, listener.languages) == (RATE, ("de", "en"))
    assert set(EMOTIONS) | {"calm", "boredom"} == set(listener.labels)
    labels, ours = fold(listener.labels, listener.classify_sounds([voice(1.0)]))
    assert labels == EMOTIONS and ours.sum() == pytest.approx(1, abs=1e-4)


def test_a_sound_alone_is_the_sound_among_others(listener: AudioClassifier) -> None:
    sounds = [voice(seconds, seed) for seed, seconds in enumerate((0.4, 2.0, 5.0, 1.0))]
    together = listener.classify_sounds(sounds)
    assert together.shape == (4, 9) and together.dtype == np.float32
    assert together.sum(1) == pytest.approx(np.ones(4), abs=1e-5)
    alone = np.concatenate([listener.classify_sounds([sound]) for sound in sounds])
    assert np.abs(alone - together).max() < 1e-3


def test_neither_level_nor_silence_about_it_is_heard(listener: AudioClassifier) -> None:
    def among(silence: float) -> Floats:
        around = np.zeros(round(silence * RATE), np.float32)
        return np.concatenate([around, voice(1.5), around])

    sound = among(0.2)
    base, *rest = listener.classify_sounds([sound, sound * np.float32(0.05), among(1.0)])
    assert max(np.abs(one - base).max() for one in rest) < 0.02


def test_a_long_sound_is_heard_in_windows(listener: AudioClassifier) -> None:
    sound = voice(6.0)
    once, again = listener.classify_sounds([sound, np.tile(sound, 4)])
    assert np.abs(once - again).max() < 0.2


def test_a_stranger_is_heard_with_less_certainty(listener: AudioClassifier) -> None:
    """Logits are divided once more; what is likeliest stays so."""
    assert isinstance(listener, StrangerListener)
    heat = json.loads((BUILTIN / "voice-emotion" / "config.json").read_text())["strangers"]
    assert heat > 1
    known, strange = (
        hear([voice(2.0)])[0] for hear in (listener.classify_sounds, listener.classify_strangers)
    )
    powers = known.astype(np.float64) ** (1 / heat)
    assert strange == pytest.approx(powers / powers.sum(), abs=1e-4)


def test_nothing_to_hear(listener: AudioClassifier) -> None:
    assert listener.classify_sounds([]).shape == (0, 9)
    silent = listener.classify_sounds([np.zeros(RATE, np.float32), np.zeros(0, np.float32)])
    assert silent == pytest.approx(np.full((2, 9), 1 / 9), abs=1e-6)
    broken = np.full(RATE, np.nan, np.float32)
    assert np.isfinite(listener.classify_sounds([broken, voice(0.01)])).all()


def test_what_the_network_is_given() -> None:
    sound = voice(1.0)
    mel = prepared(np.concatenate([np.zeros(RATE, np.float32), sound]))
    assert mel is not None and mel.shape[0] == 80
    assert mel.shape[1] % 2 == 0 and 80 <= mel.shape[1] <= 120
    louder = prepared(np.concatenate([np.zeros(RATE, np.float32), sound * 4]))
    assert louder is not None and np.abs(louder - mel).max() < 1e-3
    short = prepared(sound[1000:1400])
    assert short is not None and short.shape[1] == 30
    assert prepared(np.zeros(RATE, np.float32)) is None and prepared(sound[:100]) is None
    bands, mask = padded([mel, short])
    assert bands.shape == (2, 80, mel.shape[1]) and mask.sum(1).tolist() == [mel.shape[1] // 2, 15]
    assert not bands[1, :, 30:].any()


@pytest.mark.parametrize(
    ("config", "words"),
    [({"labels": ["a"]}, "languages, rate, window"), ({"rate": 8000}, "rate is not 16000")],
)
def test_a_folder_that_does_not_say_what_it_is(
    config: dict[str, object], words: str, tmp_path: Path
) -> None:
    whole = {"labels": ["a"], "languages": [], "rate": RATE, "window": 2.0}
    told = config if "labels" in config else whole | config
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "voice_emotion"} | told))
    with pytest.raises(InputError, match=words):
        VoiceEmotionListener(Checkpoint(Folder(tmp_path), tmp_path, "r"), Device.CPU)

"""A voice as another mouth, room or microphone would have made it: changes of its mel bands.

All work on Whisper's log-mel, float32 (80, frames) at 16 kHz, where 1 is 40 dB.
"""

from functools import cache

import numpy as np

from sensorium.roles import Floats
from sensorium.signal.mel import hz_to_mel, mel_to_hz

_WARPS = 17  # steps of the vocal tract's length


def changed(mel: Floats, chance: np.random.Generator, longest: int) -> Floats:
    """Some of all: pace, vocal tract, colour, noise, level; then a stretch of at most `longest`
    frames, an even number of them, with some bands and moments taken out."""
    mel = _paced(mel, chance.uniform(0.85, 1.18))
    if chance.random() < 0.8:
        mel = _warp(int(chance.integers(_WARPS)), len(mel)) @ mel
    mel = mel + _colour(chance, len(mel))
    if chance.random() < 0.6:
        mel = _noisy(mel, chance)
    mel = np.maximum(mel, mel.max() - 2) + np.float32(chance.normal(0, 0.03))
    frames = min(mel.shape[1], longest) // 2 * 2
    begin = int(chance.integers(mel.shape[1] - frames + 1))
    return _holed(mel[:, begin : begin + frames], chance)


def _paced(mel: Floats, factor: float) -> Floats:
    """Faster (above 1) or slower, as a player does that keeps the pitch."""
    total = mel.shape[1]
    at = np.linspace(0, total - 1, max(8, round(total / factor)), dtype=np.float32)
    left = np.minimum(at.astype(np.int64), total - 2)
    share = (at - left).astype(np.float32)
    made: Floats = mel[:, left] * (1 - share) + mel[:, left + 1] * share
    return made


@cache
def _warp(step: int, bands: int) -> Floats:
    """float32 (bands, bands): frequencies times 0.86 to 1.16 (Jaitly and Hinton 2013)."""
    factor = float(np.exp(np.linspace(np.log(0.86), np.log(1.16), _WARPS)[step]))
    centres = np.linspace(0, hz_to_mel(8000), bands + 2)[1:-1]
    hertz = mel_to_hz(centres) / factor
    mels = np.array([hz_to_mel(float(one)) for one in hertz])
    place = np.clip(np.interp(mels, centres, np.arange(bands)), 0, bands - 1)
    left = np.minimum(place.astype(np.int64), bands - 2)
    made = np.zeros((bands, bands), np.float32)
    made[np.arange(bands), left] = 1 - (place - left)
    made[np.arange(bands), left + 1] = place - left
    return made


def _colour(chance: np.random.Generator, bands: int) -> Floats:
    """float32 (bands, 1): a microphone's or a room's smooth bend of up to some 6 dB."""
    turns = np.arange(1, 4)[:, None] * np.linspace(0, np.pi, bands)
    waves = np.cos(turns + chance.uniform(0, np.pi, (3, 1)))
    bend = (chance.normal(0, 0.06, (3, 1)) * waves).sum(axis=0, keepdims=True)
    return np.asarray(bend.T, np.float32)


def _noisy(mel: Floats, chance: np.random.Generator) -> Floats:
    """With steady noise, 13 to 53 dB below the loudest band."""
    tilt = chance.uniform(-0.6, 0.3) * np.linspace(0, 1, len(mel))[:, None]
    level = mel.max() - chance.uniform(13, 53) / 40
    flutter = chance.gamma(4, 0.25, mel.shape)
    noise = 10 ** (4 * (level + tilt)) * flutter
    return np.asarray(np.log10(10 ** (4 * mel.astype(np.float64)) + noise) / 4, np.float32)


def _holed(mel: Floats, chance: np.random.Generator) -> Floats:
    """Bands and moments at their mean (SpecAugment; Park et al., Interspeech 2019)."""
    mel = mel.copy()
    bands, frames = mel.shape
    mean = mel.mean()
    for _ in range(2):
        wide = int(chance.integers(13))
        begin = int(chance.integers(bands - wide + 1))
        mel[begin : begin + wide] = mean
        wide = int(chance.integers(max(1, frames // 8)))
        begin = int(chance.integers(frames - wide + 1))
        mel[:, begin : begin + wide] = mean
    return mel

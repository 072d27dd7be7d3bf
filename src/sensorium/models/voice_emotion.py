"""The project's own ear for what is felt in a voice, made by `train/recipes/voice_emotion.py`.

A folder of this family holds `model.onnx` (`mel`, `mask` → `logits`) and a `config.json`:

    labels      of the logits, which are divided by the temperature already
    languages   of the speech that it learned from
    rate        samples a second; the mel bands are Whisper's, which are of 16000
    window      seconds that the network hears at once; a longer sound is heard in several windows
    strangers   what divides the logits besides, of voices from nowhere that it learned from: it is
                too sure of them; 1 where it is not said
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.roles import AudioClassifier, Floats
from sensorium.runtime.batcher import Batcher
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.loudness import FLOOR, levels
from sensorium.signal.mel import whisper_log_mel
from sensorium.signal.softmax import softmax

ROLES = (AudioClassifier,)
RATE = 16_000

_HOP = 160  # samples a frame of the mel bands; a place of the mask is two frames
_SAID = ("labels", "languages", "rate", "window")
_AT_ONCE = 8
_LOUD = 5  # the level of this many frames of 10 ms is louder: a click is no voice
_QUIET = 40.0  # dB below that: silence, where it is at either end
_MARGIN = 0.1  # seconds of it that are left
_LEVEL = -20.0  # dBFS, which the 90th percentile of the levels between is brought to
_SHORTEST = 0.3  # seconds that the network is given at least


def load(checkpoint: Checkpoint, device: Device) -> "VoiceEmotionListener":
    return VoiceEmotionListener(checkpoint, device)


def prepared(samples: Floats) -> Floats | None:
    """float32 (n,) at 16 kHz → log-mel float32 (80, an even number of frames); None of silence.

    Silence at both ends goes and the level is made one: they tell one recording from another, not
    one feeling from another.
    """
    samples = np.nan_to_num(np.asarray(samples, np.float32))
    level = levels(samples, RATE)
    if not len(level) or level.max() <= FLOOR:
        return None
    loud = np.sort(level)[-min(_LOUD, len(level))]
    heard = np.flatnonzero(level > max(loud - _QUIET, FLOOR))
    if not len(heard):
        return None
    first, last = int(heard[0]), int(heard[-1]) + 1
    gain = 10 ** ((_LEVEL - float(np.percentile(level[first:last], 90))) / 20)
    margin = round(_MARGIN * RATE)
    kept = samples[max(0, first * _HOP - margin) : last * _HOP + margin] * np.float32(gain)
    shortest = round(_SHORTEST * RATE)
    kept = np.pad(kept, (0, max(-len(kept) % (2 * _HOP), shortest - len(kept))))
    return whisper_log_mel(kept)


class VoiceEmotionListener:
    """See `roles.AudioClassifier` and `roles.StrangerListener`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        config = checkpoint.settings(_SAID)
        if config["rate"] != RATE:
            raise InputError(f"{checkpoint.spec} cannot be opened", f"its rate is not {RATE}")
        self.provenance = checkpoint.provenance
        self.rate = RATE
        self.labels = tuple(config["labels"])
        self.languages = tuple(config["languages"])
        self._frames = 2 * round(float(config["window"]) * RATE / _HOP / 2)
        self._strangers = float(config.get("strangers", 1.0))
        self._session = Batcher(OnnxSession(checkpoint.folder / "model.onnx", device))

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        """See `roles.AudioClassifier`. Of silence every label is as probable as any other."""
        return softmax(self._heard(sounds)).astype(np.float32)

    def classify_strangers(self, sounds: Sequence[Floats]) -> Floats:
        return softmax(self._heard(sounds) / self._strangers).astype(np.float32)

    def _heard(self, sounds: Sequence[Floats]) -> NDArray[np.float64]:
        """Logits (n, labels), of a long sound their mean over its windows."""
        windows: list[tuple[int, Floats]] = []
        for number, sound in enumerate(sounds):
            mel = prepared(sound)
            if mel is not None:
                windows += [(number, part) for part in _cut(mel, self._frames)]
        sums = np.zeros((len(sounds), len(self.labels)), np.float64)
        weights = np.zeros((len(sounds), 1))
        # Windows of like length go together: a batch is as slow as its longest.
        windows.sort(key=lambda one: one[1].shape[1])
        for at in range(0, len(windows), _AT_ONCE):
            some = windows[at : at + _AT_ONCE]
            logits = self._logits([mel for _, mel in some])
            for (number, mel), row in zip(some, logits, strict=True):
                sums[number] += row * mel.shape[1]
                weights[number] += mel.shape[1]
        return sums / np.maximum(weights, 1)

    def _logits(self, mels: Sequence[Floats]) -> Floats:
        mel, mask = padded(mels)
        logits: Floats = self._session.run({"mel": mel, "mask": mask})["logits"]
        return logits


def padded(mels: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Mel bands of several sounds, each (80, t) → (n, 80, longest) and a mask (n, longest / 2), 1
    where there is sound."""
    longest = max(mel.shape[1] for mel in mels)
    mel = np.zeros((len(mels), len(mels[0]), longest), np.float32)
    mask = np.zeros((len(mels), longest // 2), np.float32)
    for at, one in enumerate(mels):
        mel[at, :, : one.shape[1]] = one
        mask[at, : one.shape[1] // 2] = 1
    return mel, mask


def _cut(mel: Floats, frames: int) -> list[Floats]:
    """In as few parts of at most `frames` as will do, each of an even number, all about alike."""
    total = mel.shape[1]
    many = -(-total // frames)
    edges = [2 * round(total * part / many / 2) for part in range(many + 1)]
    return [mel[:, a:b] for a, b in pairwise(edges)]

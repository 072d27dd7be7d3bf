"""Sounds through a classifier of the Hub: see `roles.AudioClassifier`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from sensorium.errors import InputError
from sensorium.models._classifiers import Classifier, open_classifier
from sensorium.roles import Floats
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

_LANGUAGE = re.compile(r"^language:[ \t]*((?:\n[ \t]*-[ \t]*\S+)+|[^\n]+)", re.MULTILINE)
# What Wav2Vec2Config assumes where config.json does not say.
_KERNELS, _STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
_TINY = 1e-7  # what transformers adds to the variance


@dataclass(frozen=True)
class SoundSteps:
    """What `preprocessor_config.json` says of Wav2Vec2FeatureExtractor. shortest: samples below
    which the network's convolutions have nothing to give."""

    rate: int
    level: bool
    shortest: int

    def __call__(self, sound: Floats) -> Floats:
        """float32 (samples,) → float32 (samples,): of mean 0 and variance 1 where `level`."""
        if self.level and len(sound):
            sound = (sound - sound.mean()) / np.sqrt(sound.var() + _TINY)
        missing = self.shortest - len(sound)
        made = np.pad(sound, (0, missing)) if missing > 0 else sound
        return made.astype(np.float32)


class SoundReader:
    """See `roles.AudioClassifier`. A sound goes through alone: with padding beside it a network
    whose first norm is over time would hear another sound."""

    def __init__(self, checkpoint: Checkpoint, classifier: Classifier, steps: SoundSteps) -> None:
        self.provenance = checkpoint.provenance
        self.rate = steps.rate
        self.labels = classifier.folding.labels
        self.unknown = classifier.folding.unknown
        self.languages = _languages(checkpoint)
        self._classifier = classifier
        self._steps = steps

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        found = np.empty((len(sounds), len(self.labels)), np.float32)
        for at, sound in enumerate(sounds):
            values = self._steps(sound)[None]
            mask = np.ones(values.shape, np.int64)
            found[at] = self._classifier({"input_values": values, "attention_mask": mask})[0]
        return found


def open_hearer(checkpoint: Checkpoint, device: Device, name: str) -> SoundReader:
    """name: transformers' class."""
    classifier = open_classifier(checkpoint, device, name, ("input_values", "attention_mask"))
    return SoundReader(checkpoint, classifier, _steps(checkpoint))


def _steps(checkpoint: Checkpoint) -> SoundSteps:
    says: dict[str, Any] = {}
    if checkpoint.has("preprocessor_config.json"):
        says = checkpoint.read_json("preprocessor_config.json")
    elif checkpoint.has("processor_config.json"):
        says = checkpoint.read_json("processor_config.json").get("feature_extractor") or {}
    if int(says.get("feature_size") or 1) != 1:
        raise InputError(f"{checkpoint.spec} takes features, not samples")
    kernels = checkpoint.config.get("conv_kernel") or _KERNELS
    strides = checkpoint.config.get("conv_stride") or _STRIDES
    reach = 1 + sum((kernel - 1) * prod(strides[:at]) for at, kernel in enumerate(kernels))
    return SoundSteps(
        rate=int(says.get("sampling_rate") or 16_000),
        level=bool(says.get("do_normalize", True)),
        shortest=reach,
    )


def _languages(checkpoint: Checkpoint) -> tuple[str, ...]:
    """As the head of its card names them; empty where it names none, or says `multilingual`."""
    if not checkpoint.has("README.md"):
        return ()
    card = (checkpoint.folder / "README.md").read_text("utf-8", errors="replace")
    head = card.split("---", 2)[1] if card.startswith("---") else ""
    stated = _LANGUAGE.search(head)
    names = re.findall(r"[A-Za-z][A-Za-z-]*", stated[1]) if stated else []
    short = [name.lower() for name in names if len(name) == 2]
    return tuple(short) if len(short) == len(names) else ()

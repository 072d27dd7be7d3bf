"""WavLM that classifies sounds: HuBERT that heard voices over each other (Chen et al. 2022,
https://arxiv.org/abs/2110.13900)."""

from sensorium.models._hear_sounds import SoundReader, open_hearer
from sensorium.roles import AudioClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (AudioClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> SoundReader:
    return open_hearer(checkpoint, device, "WavLMForSequenceClassification")

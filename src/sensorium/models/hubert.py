"""HuBERT that classifies sounds: wav2vec 2.0 that learnt to name hidden units (Hsu et al. 2021,
https://arxiv.org/abs/2106.07447)."""

from sensorium.models._hear_sounds import SoundReader, open_hearer
from sensorium.roles import AudioClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (AudioClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> SoundReader:
    return open_hearer(checkpoint, device, "HubertForSequenceClassification")

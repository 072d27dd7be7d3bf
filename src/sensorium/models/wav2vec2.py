"""wav2vec 2.0 that classifies sounds: it learnt from samples alone (Baevski et al., NeurIPS 2020,
https://arxiv.org/abs/2006.11477)."""

from sensorium.models._hear_sounds import SoundReader, open_hearer
from sensorium.roles import AudioClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (AudioClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> SoundReader:
    return open_hearer(checkpoint, device, "Wav2Vec2ForSequenceClassification")

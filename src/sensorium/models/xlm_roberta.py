"""XLM-RoBERTa that classifies texts of a hundred languages (Conneau et al., ACL 2020,
https://arxiv.org/abs/1911.02116)."""

from sensorium.models._read_texts import TextReader, open_reader
from sensorium.models._words import TokenizerFiles
from sensorium.roles import TextClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (TextClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> TextReader:
    tokenizer = TokenizerFiles(checkpoint).ready_made()
    name = "XLMRobertaForSequenceClassification"
    return open_reader(checkpoint, device, name, tokenizer, "<pad>")

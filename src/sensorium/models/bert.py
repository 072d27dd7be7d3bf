"""BERT that classifies texts (Devlin et al., NAACL 2019, https://arxiv.org/abs/1810.04805)."""

from sensorium.models._read_texts import TextReader, open_reader
from sensorium.models._words import TokenizerFiles, piece_tokenizer
from sensorium.roles import TextClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (TextClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> TextReader:
    tokenizer = piece_tokenizer(TokenizerFiles(checkpoint))
    name = "BertForSequenceClassification"
    return open_reader(checkpoint, device, name, tokenizer, "[PAD]", types=True)

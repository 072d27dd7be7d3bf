"""RoBERTa that classifies texts: BERT trained longer, on pairs of bytes (Liu et al. 2019,
https://arxiv.org/abs/1907.11692)."""

from sensorium.models._read_texts import TextReader, open_reader
from sensorium.models._words import TokenizerFiles, byte_level_tokenizer
from sensorium.roles import TextClassifier
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (TextClassifier,)


def load(checkpoint: Checkpoint, device: Device) -> TextReader:
    files = TokenizerFiles(checkpoint)
    bare = files.has("vocab.json", "merges.txt") and not files.has("tokenizer.json")
    tokenizer = byte_level_tokenizer(files) if bare else files.ready_made()
    return open_reader(checkpoint, device, "RobertaForSequenceClassification", tokenizer, "<pad>")

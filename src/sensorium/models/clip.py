"""CLIP: two transformers trained so that a picture and its caption meet.

Learning Transferable Visual Models From Natural Language Supervision, Radford et al. 2021,
https://arxiv.org/abs/2103.00020. The image tower is a ViT whose class token is projected; the text
tower is causal and its vector is read where the end-of-text token stands, so texts need no common
length. Logits are cosines times a learnt scale, for a softmax.
"""

from sensorium.models._pictures import CLIP_UNSAID, transformers_steps
from sensorium.models._towers import (
    Networks,
    Outputs,
    Steps,
    TwoTowers,
    open_towers,
    transformers_networks,
)
from sensorium.models._words import TokenizerFiles, WordSteps, byte_pair_tokenizer
from sensorium.roles import DualTower
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (DualTower,)
_END = "<|endoftext|>"
# What CLIPTextConfig assumes where config.json does not say.
_POSITIONS = 77


def load(checkpoint: Checkpoint, device: Device) -> TwoTowers:
    def weights() -> Networks:
        return transformers_networks(
            checkpoint, device, "CLIPModel", ("input_ids", "attention_mask")
        )

    return open_towers(checkpoint, device, steps(checkpoint), Outputs(), weights)


def steps(checkpoint: Checkpoint) -> Steps:
    """How pictures and texts are prepared; no network is opened."""
    return Steps(transformers_steps(checkpoint, CLIP_UNSAID), _words(checkpoint))


def _words(checkpoint: Checkpoint) -> WordSteps:
    files = TokenizerFiles(checkpoint)
    if files.has("vocab.json", "merges.txt") and not files.has("tokenizer.json"):
        tokenizer = byte_pair_tokenizer(files, "<|startoftext|>", _END)
    else:
        tokenizer = files.ready_made()
    says = checkpoint.config.get("text_config") or {}
    limit = files.limit(int(says.get("max_position_embeddings", _POSITIONS)))
    return WordSteps(tokenizer, limit, files.padding(tokenizer, _END))

"""Chinese-CLIP: CLIP's image tower beside a Chinese RoBERTa, trained on Chinese pairs.

Chinese CLIP: Contrastive Vision-Language Pretraining in Chinese, Yang et al. 2022,
https://arxiv.org/abs/2211.01335. The text tower is a BERT whose first position is projected;
padding is masked, so texts need no common length.
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
from sensorium.models._words import TokenizerFiles, WordSteps, word_piece_tokenizer
from sensorium.roles import DualTower
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (DualTower,)
_TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# What ChineseCLIPTextConfig assumes where config.json does not say.
_POSITIONS = 512


def load(checkpoint: Checkpoint, device: Device) -> TwoTowers:
    def weights() -> Networks:
        return transformers_networks(checkpoint, device, "ChineseCLIPModel", _TEXT_INPUTS)

    return open_towers(checkpoint, device, steps(checkpoint), Outputs(), weights)


def steps(checkpoint: Checkpoint) -> Steps:
    """How pictures and texts are prepared; no network is opened."""
    return Steps(transformers_steps(checkpoint, CLIP_UNSAID), _words(checkpoint))


def _words(checkpoint: Checkpoint) -> WordSteps:
    files = TokenizerFiles(checkpoint)
    if files.has("vocab.txt") and not files.has("tokenizer.json"):
        tokenizer = word_piece_tokenizer(files)
    else:
        tokenizer = files.ready_made()
    says = checkpoint.config.get("text_config") or {}
    limit = files.limit(int(says.get("max_position_embeddings", _POSITIONS)))
    return WordSteps(tokenizer, limit, files.padding(tokenizer, "[PAD]"))

"""SigLIP and SigLIP 2 of fixed resolution: two towers trained with a sigmoid, so that every pair is
judged by itself.

Sigmoid Loss for Language Image Pre-Training, Zhai et al. 2023, https://arxiv.org/abs/2303.15343;
SigLIP 2, Tschannen et al. 2025, https://arxiv.org/abs/2502.14786. Both name themselves `siglip`.
The text's last position is pooled, so every text is padded to the same length and no mask is given.
Both were trained on lower-case text; SigLIP's tokenizer drops punctuation too. SigLIP 2 NaFlex
(`siglip2`, pictures of any aspect as patches) is another architecture and not served here.
"""

from functools import partial

from tokenizers.models import BPE

from sensorium.models._pictures import transformers_steps
from sensorium.models._towers import (
    Networks,
    Outputs,
    Steps,
    TwoTowers,
    open_towers,
    transformers_networks,
)
from sensorium.models._words import TokenizerFiles, WordSteps, canonical
from sensorium.roles import DualTower
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample

ROLES = (DualTower,)
OUTPUTS = Outputs(("image_embeds", "pooler_output"), ("text_embeds", "pooler_output"))
# What SiglipTextConfig and SiglipImageProcessor assume where the files are silent.
_POSITIONS = 64
_UNSAID = {
    "size": {"height": 224, "width": 224},
    "resample": Resample.BICUBIC,
    "image_mean": 0.5,
    "image_std": 0.5,
}


def load(checkpoint: Checkpoint, device: Device) -> TwoTowers:
    def weights() -> Networks:
        return transformers_networks(checkpoint, device, "SiglipModel", ("input_ids",))

    return open_towers(checkpoint, device, steps(checkpoint), OUTPUTS, weights)


def steps(checkpoint: Checkpoint) -> Steps:
    """How pictures and texts are prepared; no network is opened."""
    return Steps(transformers_steps(checkpoint, _UNSAID), _words(checkpoint))


def _words(checkpoint: Checkpoint) -> WordSteps:
    files = TokenizerFiles(checkpoint)
    tokenizer = files.ready_made()
    says = checkpoint.config.get("text_config") or {}
    length = files.limit(int(says.get("max_position_embeddings", _POSITIONS)))
    # SigLIP's tokenizer is T5's (unigram), SigLIP 2's is Gemma's (byte pairs).
    second = isinstance(tokenizer.model, BPE)
    lower = bool(files.settings.get("do_lower_case", True))
    clean = str.lower if second else partial(canonical, lower=lower)
    padding = files.padding(tokenizer, "<pad>" if second else "</s>", length)
    return WordSteps(tokenizer, length, padding, clean)

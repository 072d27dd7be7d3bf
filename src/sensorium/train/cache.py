"""Gradient caching: contrastive batches larger than memory (Gao et al., RepL4NLP 2021).

A contrastive loss needs all embeddings of a batch at once, but not all activations: a part's are
dropped after its embeddings are made, and made again when its gradients are due. That is what
checkpointing of each part does; the gradients are those of the whole batch (tested to 1e-5).
Not for networks whose rows see each other (batch norm in training mode).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Rows = tuple[Tensor, ...]


def encode_in_parts(encode: Callable[..., Tensor], inputs: Rows, at_once: int) -> Tensor:
    """`encode(*inputs)` with no more than `at_once` rows' activations in memory.

    inputs: tensors (n, …) that belong together row by row. encode: rows → embeddings (rows, d).
    Twice the forward work. Random numbers (dropout) are drawn again alike.
    """
    if len(inputs[0]) <= at_once:
        return encode(*inputs)
    parts = zip(*(one.split(at_once) for one in inputs), strict=True)
    return torch.cat([checkpoint(encode, *part, use_reentrant=False) for part in parts])

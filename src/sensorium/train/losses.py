"""Objectives of the recipes: pure functions of tensors, each with its paper.

Every one gives a scalar, the mean over its rows, so that the mean over processes is the loss of
the whole batch.
"""

import torch
from torch import Tensor
from torch.nn import functional

from sensorium.train.processes import Processes, gather_rows

SHOWN = -100  # of a piece that was not hidden: nothing to name
MAX_LOG_SCALE = 4.6052
"""log 100: above that one wrong pair drowns the batch (CLIP caps its temperature there)."""


def info_nce(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    positives: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """CLIP's symmetric cross entropy over all pairs (Radford et al., ICML 2021).

    images: (n, d), texts: (m, d), rows of unit length. log_scale: scalar, of what multiplies
    cosines. positives: bool (n, m), which texts belong to which image; None where row i of each
    belongs together. With several a row, the target is spread evenly over them (as in supervised
    contrastive learning, Khosla et al. 2020); a row without any counts for nothing.
    smoothing: share of the target that goes to all texts alike.
    """
    logits = log_scale.clamp(max=MAX_LOG_SCALE).exp() * images @ texts.T
    if positives is None:
        rows = torch.arange(len(logits), device=logits.device)
        both = [(logits, rows), (logits.T, rows)]
        losses = [functional.cross_entropy(a, b, label_smoothing=smoothing) for a, b in both]
        return torch.stack(losses).mean()
    right = positives.to(logits.dtype)
    return (_spread(logits, right, smoothing) + _spread(logits.T, right.T, smoothing)) / 2


def _spread(logits: Tensor, right: Tensor, smoothing: float) -> Tensor:
    """Cross entropy with the target spread evenly over each row's right answers."""
    count = right.sum(1, keepdim=True)
    has = count[:, 0] > 0
    target = right / count.clamp(min=1)
    target = target * (1 - smoothing) + smoothing / logits.shape[1]
    losses = -(functional.log_softmax(logits, 1) * target).sum(1)
    return losses[has].sum() / has.sum().clamp(min=1)


def gathered_info_nce(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    processes: Processes,
    keys: Tensor | None = None,
) -> Tensor:
    """`info_nce` of this process's pairs against the pairs of all processes.

    images, texts: (n, d) of this process, n the same in each. keys: see `same`; None where row i of
    each belongs together and to no other. The mean over processes of its value and of its
    gradients is that of one process with the whole batch (tested).
    """
    if processes.count == 1:
        return info_nce(images, texts, log_scale, None if keys is None else same(keys, keys))
    scale = log_scale.clamp(max=MAX_LOG_SCALE).exp()
    all_images, all_texts = gather_rows(images), gather_rows(texts)
    right = _right(images, keys, processes).to(images.dtype)
    by_image = _spread(scale * images @ all_texts.T, right, 0.0)
    by_text = _spread(scale * texts @ all_images.T, right, 0.0)
    return (by_image + by_text) / 2


def same(keys: Tensor, others: Tensor) -> Tensor:
    """bool (n, m): rows that have the same number in some column belong together, a text to every
    picture that it is also said of. keys, others: int64 (n, c), (m, c)."""
    return (keys[:, None] == others[None]).any(-1)


def _right(rows: Tensor, keys: Tensor | None, processes: Processes) -> Tensor:
    """bool (n, all): which rows of all processes belong to each of this one's."""
    if keys is not None:
        return same(keys, gather_rows(keys))
    n, first = len(rows), processes.rank * len(rows)
    return torch.arange(n * processes.count, device=rows.device)[None] == (
        torch.arange(n, device=rows.device)[:, None] + first
    )


def pairwise_sigmoid(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    bias: Tensor,
    positives: Tensor | None = None,
) -> Tensor:
    """SigLIP: every pair is a yes-or-no question of its own (Zhai et al., ICCV 2023).

    images: (n, d), texts: (m, d), rows of unit length. bias: scalar, begins near -10. positives:
    bool (n, m), None where row i of each belongs together. The sum over all pairs, over n.
    """
    logits = log_scale.exp() * images @ texts.T + bias
    if positives is None:
        positives = torch.eye(len(images), len(texts), dtype=torch.bool, device=logits.device)
    signs = positives.to(logits.dtype) * 2 - 1
    return -functional.logsigmoid(signs * logits).sum() / len(images)


def gathered_sigmoid(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    bias: Tensor,
    processes: Processes,
    keys: Tensor | None = None,
) -> Tensor:
    """`pairwise_sigmoid` of this process's images against the texts of all; see
    `gathered_info_nce`."""
    every = gather_rows(texts)
    return pairwise_sigmoid(images, every, log_scale, bias, _right(images, keys, processes))


def masked_language(logits: Tensor, targets: Tensor) -> Tensor:
    """BERT's objective (Devlin et al., NAACL 2019): name the pieces that were hidden.

    logits: (..., vocabulary). targets: (...) numbers of the hidden pieces, -100 elsewhere.
    The mean over hidden pieces; 0 where none is.
    """
    total = functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), ignore_index=SHOWN, reduction="sum"
    )
    return total / (targets != SHOWN).sum().clamp(min=1)


def masked_patches(predicted: Tensor, patches: Tensor, hidden: Tensor) -> Tensor:
    """MAE's objective (He et al., CVPR 2022): mean squared error on hidden patches only.

    predicted, patches: (n, patches, values). hidden: bool (n, patches). Each patch's own mean and
    deviation are taken out of the target, which makes the representation better (section 4 there).
    """
    mean = patches.mean(-1, keepdim=True)
    variance = patches.var(-1, keepdim=True)
    wanted = (patches - mean) / (variance + 1e-6).sqrt()
    errors = (predicted - wanted).square().mean(-1)
    weights = hidden.to(errors.dtype)
    return (errors * weights).sum() / weights.sum().clamp(min=1)


def distilled(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """The teacher's distribution over candidates, learnt (Hinton et al. 2015).

    student, teacher: logits (n, candidates). KL divergence in nats, times temperature squared so
    that its gradients keep their size.
    """
    learnt = functional.log_softmax(student / temperature, 1)
    given = functional.log_softmax(teacher / temperature, 1)
    divergence = functional.kl_div(learnt, given, reduction="batchmean", log_target=True)
    return divergence * temperature**2


def matched(logits: Tensor, belongs: Tensor) -> Tensor:
    """Does this text belong to this picture (UNITER's image-text matching, Chen et al., ECCV 2020).

    logits: (n,). belongs: bool (n,). Mean binary cross entropy.
    """
    return functional.binary_cross_entropy_with_logits(logits, belongs.to(logits.dtype))

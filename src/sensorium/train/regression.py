"""The bag's weights of emotion as a logistic regression: all rows at once, with a penalty.

What the loop finds for them fits rare classes less well: a regression that is held back evenly
keeps the balance of classes that rows are weighed by.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sensorium.models._labels import SENTIMENTS
from sensorium.train.felt import Texts
from sensorium.train.text_emotion import TextBag

_AT_ONCE = 2048


def seen(bag: TextBag, texts: Texts, longest: int) -> Tensor:
    """Sparse `(n, places)`: what a text gives each place's weight."""
    size = bag.table.num_embeddings
    parts = []
    for at in range(0, len(texts), _AT_ONCE):
        some = texts.take(np.arange(at, min(at + _AT_ONCE, len(texts))))
        found = []
        for places, there, root in bag.places(*some.read(longest), some.spelt()):
            row, column = there.nonzero(as_tuple=True)
            where = torch.stack([row, places[row, column]])
            found.append((where, (1 / root[:, 0])[row].float()))
        where, values = (torch.cat(ends, -1) for ends in zip(*found, strict=True))
        shape = (len(some), size)
        parts.append(torch.sparse_coo_tensor(where, values, shape).coalesce())
    return torch.cat(parts).coalesce()


def regress_emotions(
    bag: TextBag, texts: Texts, longest: int, penalty: float, smoothing: float, steps: int = 40
) -> None:
    """Put weights of emotion into `bag`, of the rows of `texts` that have one, weighed by
    `Texts.chances`. penalty: of the squared weights, less for what few texts have (the inverse
    document frequency to the power of a half). By L-BFGS (Liu and Nocedal 1989)."""
    known = np.nonzero(texts.labels[:, 1] >= 0)[0]
    weigh = torch.from_numpy(texts.chances()[known]).float()
    weigh /= weigh.sum()
    some = texts.take(known)
    labels = some.truth()[0][:, 1]
    rows = seen(bag, some, longest)
    scale = rarity(rows)
    rows = torch.sparse_coo_tensor(
        rows.indices(), rows.values() * scale[rows.indices()[1]], rows.shape, is_coalesced=True
    )
    there, back = rows.to_sparse_csr(), rows.t().coalesce().to_sparse_csr()
    outputs = slice(len(SENTIMENTS), bag.table.embedding_dim)
    weights = torch.zeros(len(scale), bag.table.embedding_dim - outputs.start, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=steps, history_size=6, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        logits = (there @ weights.detach()).requires_grad_()
        each = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        loss = (weigh * each).sum()
        loss.backward()
        weights.grad = back @ logits.grad + penalty * weights.detach()
        return loss.detach() + penalty / 2 * weights.detach().square().sum()

    optimiser.step(closure)
    with torch.no_grad():
        bag.table.weight[:, outputs] = weights * scale[:, None]


def rarity(rows: Tensor) -> Tensor:
    """`(places,)`: root of the inverse document frequency, over its mean over what texts have."""
    counts = torch.bincount(rows.indices()[1], minlength=rows.shape[1]).double()
    rare = ((1 + rows.shape[0]) / (1 + counts)).log() + 1
    mean = (rare * counts).sum() / counts.sum()
    return (rare / mean).sqrt().float()

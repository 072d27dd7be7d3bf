"""The network that reads what is felt in a text: an encoder, and a linear bag beside it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensorium.models._labels import SENTIMENTS
from sensorium.results.timeline import EMOTIONS
from sensorium.train.encoders import TextEncoder

OUTPUTS = len(SENTIMENTS) + len(EMOTIONS)
_SPREAD = 40_503  # odd, so that pairs of neighbouring numbers lie far apart
_PRIME = 2**31 - 1  # a run's hash times `_SPREAD` stays within 64 bits

Places = tuple[Tensor, Tensor, Tensor]


class TextBag(nn.Module):  # type: ignore[misc]
    """A weight a class for every piece, and by their hashes for pairs of neighbours and for runs of
    two to four letters.

    What a linear model over words and letters knows; it never forgets a rare word, which an encoder
    of four layers does (Joulin et al., Bag of Tricks for Efficient Text Classification, EACL 2017;
    Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009).
    """

    def __init__(self, pieces: int, pairs: int, runs: int, dropped: float = 0.0) -> None:
        """dropped: share of what a text has that is not seen in a step of training."""
        super().__init__()
        self.sizes, self.dropped = (pieces, pairs, runs), dropped
        self.table = nn.Embedding(pieces + pairs + runs, OUTPUTS)
        nn.init.zeros_(self.table.weight)

    def forward(self, ids: Tensor, mask: Tensor, letters: Tensor) -> Tensor:
        """`(n, t)` ids and mask, `(n, c)` code points with 0 for none, to logits `(n, OUTPUTS)`."""
        pieces, pairs, *runs = self.places(ids, mask, letters)
        total = (self._sum(*pieces[:2]) + self._sum(*pairs[:2])) / pieces[2]
        for places, there, root in runs:
            total = total + self._sum(places, there) / root
        return total

    def places(self, ids: Tensor, mask: Tensor, letters: Tensor) -> list[Places]:
        """Where pieces, pairs and runs of two, three and four letters stand in the table `(n, k)`,
        which of them are there, and what their sum is divided by, `(n, 1)`."""
        pieces, pairs, runs = self.sizes
        root = mask.sum(1, keepdim=True).sqrt()
        both = (ids[:, :-1] * _SPREAD + ids[:, 1:]) % pairs + pieces
        found = [(ids, mask, root), (both, mask[:, 1:], root)]
        run, there = letters, (letters > 0).long()
        root = there.sum(1, keepdim=True).clamp(min=1).sqrt()
        for length in (2, 3, 4):
            run = (run[:, :-1] * _SPREAD + letters[:, length - 1 :]) % _PRIME
            found.append((run % runs + pieces + pairs, there[:, length - 1 :], root))
        return found

    def _sum(self, places: Tensor, there: Tensor) -> Tensor:
        seen = functional.dropout(there.to(torch.float32), self.dropped, self.training)
        total: Tensor = (self.table(places) * seen.unsqueeze(-1)).sum(1)
        return total


class TextEmotion(nn.Module):  # type: ignore[misc]
    """ids and mask `(n, t)`, letters `(n, c)` to logits `(n, 10)`: sentiment's, then emotion's.

    `mix` (2, 10) weighs encoder and bag, a number a head; it holds the temperature too.
    """

    def __init__(self, encoder: TextEncoder, bag: TextBag, width: int, dropout: float) -> None:
        super().__init__()
        self.encoder, self.bag = encoder, bag
        self.head = nn.Linear(2 * width, OUTPUTS)
        self.dropout = dropout
        self.register_buffer("mix", torch.ones(2, OUTPUTS))

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits of the encoder alone: mean and maximum over the pieces."""
        states = self.encoder.run(self.encoder.embed(ids), mask)
        seen = mask.to(states.dtype).unsqueeze(-1)
        mean = (states * seen).sum(1) / seen.sum(1)
        highest = (states - 1e4 * (1 - seen)).amax(1)
        both = torch.cat([mean, highest], -1).float()
        logits: Tensor = self.head(functional.dropout(both, self.dropout, self.training))
        return logits

    def forward(self, ids: Tensor, mask: Tensor, letters: Tensor) -> Tensor:
        return self.mix[0] * self.read(ids, mask) + self.mix[1] * self.bag(ids, mask, letters)


def parts(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Sentiment `(n, 3)` and emotion `(n, 7)`."""
    sentiment, emotion = logits.split([len(SENTIMENTS), len(EMOTIONS)], -1)
    return sentiment, emotion


def masked_loss(logits: Tensor, labels: Tensor, two: Tensor, smoothing: float) -> Tensor:
    """Cross entropy over the labels that rows have, the mean over all labels of both heads.

    labels: `(n, 2)` sentiment and emotion, -1 for none. two: bool `(n,)`, rows of sets that know no
    neutral: for them neutral is no candidate, rather than wrong.
    """
    sentiment, emotion = parts(logits)
    lowest = torch.zeros_like(sentiment)
    lowest[:, SENTIMENTS.index("neutral")] = -30.0 * two.to(sentiment.dtype)
    losses = [
        functional.cross_entropy(some, of, ignore_index=-1, reduction="sum", label_smoothing=share)
        for some, of, share in (
            (sentiment + lowest, labels[:, 0], 0.0),
            (emotion, labels[:, 1], smoothing),
        )
    ]
    return torch.stack(losses).sum() / (labels >= 0).sum().clamp(min=1)


def fit_mix(read: Tensor, bag: Tensor, labels: Tensor, two: Tensor) -> Tensor:
    """`mix` for logits `(n, 10)` of the two parts, by likelihood on rows that were held back.

    One weight a part and head: where both are scaled alike it is the temperature of Guo et al.,
    On Calibration of Modern Neural Networks, ICML 2017.
    """
    heads: Sequence[int] = [0] * len(SENTIMENTS) + [1] * len(EMOTIONS)
    weights = torch.full((2, 2), 0.5, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200)

    def closure() -> Tensor:
        optimiser.zero_grad()
        mixed = weights[0, heads] * read + weights[1, heads] * bag
        loss = masked_loss(mixed, labels, two, 0.0)
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach()[:, heads].clamp(min=0)

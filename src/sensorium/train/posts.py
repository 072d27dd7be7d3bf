"""Posts with their sentiment: read, grouped so that near-duplicates stay together, and judged by
linear models over what frozen ones tell of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sensorium.media import Image, Media
from sensorium.models._labels import SENTIMENTS
from sensorium.models.post_sentiment import PLACES, text_marks
from sensorium.roles import Pixels
from sensorium.train.labelled import near_duplicates
from sensorium.train.likeness import greys, marks
from sensorium.train.readers.parquet import table_rows

_NEAR = 4  # bits of 64 by which two pictures differ that are the same to the eye
_LEAST = 1e-4  # of a probability whose logarithm is taken
_SCALES = {"image": 3.0, "text": 3.0}  # of vectors of unit length; of other parts 0.3
_FEELING = 0.3
_MARKS = 4.5  # length of a text's marks


@dataclass(frozen=True)
class Posts:
    """labels: places in `SENTIMENTS`. groups: a number each, the same for near-duplicates."""

    pictures: list[bytes]
    texts: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def read_posts(path: Path) -> Posts:
    """A parquet file with the columns `text`, `image` (an encoded picture) and `sentiment`; rows
    that lack one are left out. Near-duplicates have texts or pictures in common."""
    rows = list(table_rows(path, ("text", "image", "sentiment")))
    rows = [row for row in rows if row["image"] and row["sentiment"] in SENTIMENTS]
    texts = [row["text"] or "" for row in rows]
    pictures = [row["image"] for row in rows]
    alike = near_pictures(np.stack([marks(greys(decoded(one))) for one in pictures]))
    labels = np.array([SENTIMENTS.index(row["sentiment"]) for row in rows])
    return Posts(pictures, texts, labels, near_duplicates(texts, alike))


def decoded(picture: bytes) -> Pixels:
    image: Image = Media.of(picture, Image)  # type: ignore[assignment]
    return image.pixels()


def near_pictures(marks: NDArray[np.bool]) -> list[tuple[int, int]]:
    """Pairs of places (n, 64) whose marks are nearly the same; pictures of one colour tell
    nothing."""
    signs = np.where(marks, 1, -1).astype(np.float32)
    apart = (64 - signs @ signs.T) / 2
    told = (marks.sum(axis=1) > _NEAR) & (marks.sum(axis=1) < 64 - _NEAR)
    first, second = np.nonzero(np.triu(apart <= _NEAR, 1) & told[:, None] & told[None])
    return list(zip(first.tolist(), second.tolist(), strict=True))


class Probe(nn.Module):  # type: ignore[misc]
    """One linear layer over the parts that it is made for, each brought to one scale, and over the
    marks of the text."""

    def __init__(self, widths: Mapping[str, int], rare: Tensor) -> None:
        """rare: (places,), see `rareness`."""
        super().__init__()
        self.names = tuple(widths)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("rare", rare)
        self.linear = nn.Linear(sum(widths.values()), len(SENTIMENTS))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.marks = nn.Parameter(torch.zeros(len(rare), len(SENTIMENTS)))

    def forward(self, *parts: Tensor) -> Tensor:
        """Parts in the order of `names`, (n, width) each, and last the marks, (n, places) of 0 and
        1 → (n, labels) logits."""
        weighed = parts[-1] * self.rare
        lengths = weighed.square().sum(1, keepdim=True).sqrt().clamp_min(1e-9)
        named = dict(zip(self.names, parts[:-1], strict=True))
        logits: Tensor = self.linear(columns(named)) + _MARKS * weighed / lengths @ self.marks
        return logits / self.temperature

    def weights(self) -> Tensor:
        """All that are held small, (inputs, labels)."""
        return torch.cat([self.linear.weight.T, self.marks])


def columns(parts: Mapping[str, Tensor]) -> Tensor:
    """(n, all widths): vectors times 3; of probabilities the logarithms about their mean."""
    scaled = []
    for name, part in parts.items():
        if name in _SCALES:
            scaled.append(part * _SCALES[name])
        else:
            logs = part.clamp_min(_LEAST).log()
            scaled.append((logs - logs.mean(1, keepdim=True)) * _FEELING)
    return torch.cat(scaled, 1)


def marked(texts: Sequence[str]) -> list[list[int]]:
    """The marks of each."""
    return [text_marks(text) for text in texts]


def rareness(marks: Sequence[Sequence[int]]) -> Tensor:
    """(places,): logarithm of texts by those that have the mark; 0 for one that occurs once."""
    often = np.bincount([one for some in marks for one in some], minlength=PLACES)
    rare = np.where(often >= 2, np.log1p(len(marks) / np.maximum(often, 1)), 0.0)
    return torch.from_numpy(rare.astype(np.float32))


def weighed(marks: Sequence[Sequence[int]], rare: Tensor) -> Tensor:
    """Sparse (n, places): marks by their rareness, rows of length 4.5."""
    rows = np.repeat(np.arange(len(marks)), [len(some) for some in marks])
    places = np.array([one for some in marks for one in some], np.int64)
    values = rare.numpy()[places].astype(np.float64)
    lengths = np.sqrt(np.bincount(rows, values**2, len(marks)))
    values = _MARKS * values / np.maximum(lengths, 1e-9)[rows]
    return torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([rows, places])),
        torch.from_numpy(values.astype(np.float32)),
        (len(marks), PLACES),
        check_invariants=True,
    ).coalesce()


@dataclass(frozen=True)
class Ridge:
    """How linear models are fitted. l2: of their weights. balance: 0 counts every post alike, 1
    every class."""

    l2: float
    balance: float

    def weights(self, labels: Tensor) -> Tensor:
        """(classes,): how much a post of each class counts."""
        counts = torch.bincount(labels, minlength=len(SENTIMENTS)).clamp_min(1)
        return (len(labels) / counts / len(SENTIMENTS)) ** self.balance

    def loss(self, logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        each = functional.cross_entropy(logits, labels, reduction="none")
        loss: Tensor = (
            each * self.weights(labels)[labels]
        ).mean() + self.l2 * weight.square().sum()
        return loss

    def fit(self, given: Sequence[Tensor], labels: Tensor) -> tuple[list[Tensor], Tensor]:
        """Of parts (n, width), dense or sparse: a matrix each, and the offsets."""
        tables = [torch.zeros(one.shape[1], len(SENTIMENTS)).requires_grad_() for one in given]
        offsets = torch.zeros(len(SENTIMENTS)).requires_grad_()
        optimiser = torch.optim.LBFGS(
            [*tables, offsets], max_iter=60, line_search_fn="strong_wolfe"
        )

        def lost() -> Tensor:
            optimiser.zero_grad()
            loss = self.loss(_answers(given, tables, offsets), labels, torch.cat(tables))
            loss.backward()
            return loss

        optimiser.step(lost)
        return [one.detach() for one in tables], offsets.detach()


def _answers(given: Sequence[Tensor], tables: Sequence[Tensor], offsets: Tensor) -> Tensor:
    made = offsets
    for part, table in zip(given, tables, strict=True):
        made = made + (torch.sparse.mm(part, table) if part.is_sparse else part @ table)
    return made


def cross_validated(
    given: Sequence[Tensor], labels: NDArray[np.int64], fold: NDArray[np.int64], ridge: Ridge
) -> Tensor:
    """(n, classes) logits: of each post by the model of the other folds."""
    logits, truth = torch.empty(len(labels), len(SENTIMENTS)), torch.from_numpy(labels)
    for number in np.unique(fold):
        rest = np.nonzero(fold != number)[0]
        own = np.nonzero(fold == number)[0]
        fitted = ridge.fit([_rows(part, rest) for part in given], truth[rest])
        logits[own] = _answers([_rows(part, own) for part in given], *fitted)
    return logits


def _rows(part: Tensor, rows: NDArray[np.int64]) -> Tensor:
    return part.index_select(0, torch.from_numpy(rows))

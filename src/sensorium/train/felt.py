"""Texts as numbers, drawn by chance: sets by fixed shares, classes by size."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sensorium.models.text_emotion import code_points, filled
from sensorium.train.distil import padded
from sensorium.train.draw import Draw
from sensorium.train.labelled import Labelled

SHARES = {
    "sst2": 26, "goemotions": 16, "meld": 6, "smp2020-usual": 13, "smp2020-virus": 6,
    "nlpcc2014": 5, "nlpcc2013": 2, "online_shopping_10_cats": 14, "waimai_10k": 6,
    "chnsenticorp": 5, "weibo_senti_100k": 1.5, "weibo2018": 1, "semeval-tweets": 3.5,
    "carer": 1, "isear": 1, "tweeteval-emotion": 0.5,
}  # fmt: skip
"""Of rows drawn, by set; sets that are not named have 4. Labels by readers come before labels by
hashtag."""
AS_THEY_ARE = frozenset({"meld"})
"""Sets whose classes are drawn as often as they come: near half of the lines of a dialogue are
neutral, and a reader that has seen fewer finds too much in them."""
_WINDOW = 24  # batches drawn together, then cut by length


@dataclass(frozen=True)
class Texts:
    """Rows as numbers.

    pieces, letters: of each its ids and code points. labels: `(n, 2)`, sentiment and emotion, -1
    for none. two: its set knows no neutral. sets: number of its set in `names`.
    """

    pieces: list[list[int]]
    letters: list[NDArray[np.int32]]
    labels: NDArray[np.int64]
    two: NDArray[np.bool]
    sets: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, rows: list[Labelled], pieces: list[list[int]], letters: int) -> "Texts":
        """letters: how many of a text are read at most."""
        names = tuple(sorted({row.source for row in rows}))
        return cls(
            pieces,
            [np.array(code_points(row.text, letters), np.int32) for row in rows],
            np.array([(row.sentiment, row.emotion) for row in rows], np.int64).reshape(-1, 2),
            np.array([row.two for row in rows], np.bool),
            np.array([names.index(row.source) for row in rows], np.int64),
            names,
        )

    def __len__(self) -> int:
        return len(self.pieces)

    def take(self, chosen: NDArray[np.int64]) -> "Texts":
        pieces = [self.pieces[at] for at in chosen]
        letters = [self.letters[at] for at in chosen]
        rest = self.labels[chosen], self.two[chosen], self.sets[chosen]
        return Texts(pieces, letters, *rest, self.names)

    def read(self, length: int) -> tuple[Tensor, Tensor]:
        """ids and mask, of `length` pieces at most."""
        return padded([row[:length] for row in self.pieces])

    def spelt(self) -> Tensor:
        """`(n, c)` code points, 0 after a text's end."""
        return torch.from_numpy(filled(self.letters, 0))

    def truth(self) -> tuple[Tensor, Tensor]:
        """labels and two, as `masked_loss` takes them."""
        return torch.from_numpy(self.labels), torch.from_numpy(self.two)

    def chances(self) -> NDArray[np.float64]:
        """How probable each row is to be drawn: sets by `SHARES`, classes by the root of their
        size."""
        finest = np.where(self.labels[:, 1] >= 0, self.labels[:, 1] + 10, self.labels[:, 0])
        cells = self.sets * 100 + finest
        _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
        weight = 1 / np.sqrt(counts[cell])
        for number, name in enumerate(self.names):
            own = self.sets == number
            if name in AS_THEY_ARE:
                weight[own] = 1.0
            weight[own] *= SHARES.get(name, 4) / max(weight[own].sum(), 1e-9)
        drawn: NDArray[np.float64] = weight / weight.sum()
        return drawn

    def drawn(self, size: int, seed: int) -> Draw:
        """Batches of their numbers."""
        lengths = [len(row) for row in self.pieces]
        return Draw(self.chances(), lengths, size=size, window=_WINDOW, seed=seed)

"""A small text encoder taught by a large one: some layers of multilingual-e5-small, in its space.

Reimers and Gurevych, "Making Monolingual Sentence Embeddings Multilingual using Knowledge
Distillation" (EMNLP 2020): the student's vector is drawn to the teacher's. E5's vectors all lie in
a narrow cone (cosines of 0.7 to 1); the mean is taken off before they are targets, so that
unlike texts are far apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from sensorium.train.encoders import TextEncoder
from sensorium.train.loop import Logs, grouped
from sensorium.train.options import Options
from sensorium.train.phase import Phase
from sensorium.train.towers import TextTower

PREFIX = "query: "
"""What E5 wants before a text. The student learns to do without."""

Pieces = list[int]
Floats = NDArray[np.float32]


def numbered(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Pieces]:
    """Each text's ids without padding."""
    return [one.ids[: sum(one.attention_mask)] for one in tokenizer.encode_batch(list(texts))]


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """ids and mask, `(n, longest)` int64."""
    ids = torch.ones(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = torch.tensor(row)
        mask[at, : len(row)] = 1
    return ids, mask


def embed(tower: nn.Module, rows: Sequence[Sequence[int]], at_once: int = 256) -> Tensor:
    """`(n, d)` in the order of `rows`; texts of like length run together."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    parts = [
        tower(*padded([rows[i] for i in order[at : at + at_once]]))
        for at in range(0, len(order), at_once)
    ]
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts)[back]


class Pooled:
    """Texts as a frozen encoder gives them, each computed once."""

    def __init__(self, tower: TextTower, rows: Iterable[Pieces]) -> None:
        unique = list(dict.fromkeys(map(tuple, rows)))
        self.at = {row: at for at, row in enumerate(unique)}
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            self.table = embed(tower.encoder, unique, 512).float()

    def __call__(self, rows: Sequence[Pieces]) -> Tensor:
        """`(n, h)`, before the projection."""
        return self.table[[self.at[tuple(row)] for row in rows]]


def teach(teacher: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str], path: Path) -> Floats:
    """The teacher's vectors `(n, h)` of unit length, made at `path` unless they are there."""
    if not path.is_file():
        rows = numbered(tokenizer, [PREFIX + text for text in texts])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            vectors = functional.normalize(embed(teacher, rows).float(), dim=-1)
        np.save(path, vectors.numpy().astype(np.float16))
    vectors_: Floats = np.load(path).astype(np.float32)
    return vectors_


@dataclass(frozen=True)
class Lesson:
    """Texts, as pieces, and where the teacher puts them: `(n, h)`, mean taken off, unit length."""

    rows: list[Pieces]
    targets: Tensor
    mean: Tensor

    @classmethod
    def of(cls, rows: list[Pieces], vectors: Floats) -> "Lesson":
        taught = torch.from_numpy(vectors)
        mean = taught.mean(0)
        return cls(rows, functional.normalize(taught - mean, dim=-1), mean)

    def first(self, count: int) -> "Lesson":
        return Lesson(self.rows[:count], self.targets[:count], self.mean)


class Student(Phase[Options]):
    """Distillation: the student learns where the teacher puts texts.

    A batch holds texts of like length, drawn among all of them.
    """

    def __init__(self, config: Options, tower: TextTower, lesson: Lesson) -> None:
        tower.project.weight.data = torch.eye(*tower.project.weight.shape)
        tower.project.bias.data = -lesson.mean[: tower.project.out_features].clone()
        super().__init__(config, tower, grouped(tower))
        self.lesson = lesson
        self.order = sorted(range(len(lesson.rows)), key=lambda i: len(lesson.rows[i]))

    def loss(self, batch: np.random.Generator) -> tuple[Tensor, Logs]:
        chosen = self.draw(batch, self.config.batch)
        mine = self.model(*padded([self.lesson.rows[i] for i in chosen]))
        theirs = self.lesson.targets[chosen]
        far = 1 - (mine * theirs).sum(-1).mean()
        which = functional.cross_entropy(20 * mine @ theirs.T, torch.arange(len(chosen)))
        between = (mine @ mine.T - theirs @ theirs.T).square().mean()
        return far + 0.1 * which + 10 * between, {"far": far.detach(), "which": which.detach()}

    def draw(self, chance: np.random.Generator, count: int) -> list[int]:
        """`count` texts out of a window, thirty batches wide, of the texts in order of length."""
        wide = min(30 * count, len(self.order))
        first = int(chance.integers(len(self.order) - wide + 1))
        drawn = chance.choice(wide, min(count, wide), replace=False) + first
        return [self.order[i] for i in drawn]

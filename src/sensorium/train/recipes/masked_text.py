"""A language encoder from nothing: hide words, name them (BERT; Devlin et al., NAACL 2019).

When to use it: before a dual tower is trained on few pairs, on all the text there is of its
language (captions, posts, a plain text file with a line each). Needs texts only: pictures are not
read. On a CPU some 10,000 captions give a useful start for a small tower in minutes; good general
language needs millions of lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from sensorium.task import Range
from sensorium.train.begin.run import fill, shaped
from sensorium.train.data import Pairs, read_parts
from sensorium.train.export import export_graph, write_config
from sensorium.train.feed import Batch, Feed, Part
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.losses import masked_language
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.transformer import Stack, Words
from sensorium.train.used import told_ids, used_ids, write_ids
from sensorium.train.words import Numbered, hide, run_tokenizer

_KEPT = 2000  # texts that validation looks at
_SHAPE = ("vocabulary", "length", "width", "layers", "heads")
_RECIPE = "masked-text"


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A finished run of this recipe, dir:path; its shape counts."] = ""
    tokenizer: Annotated[str, "A tokenizer.json to use; unsaid, one is learnt."] = ""
    vocabulary: Annotated[int, Range(100, 500_000), "Pieces that are learnt at most."] = 8000
    length: Annotated[int, Range(4, 4096), "Pieces of a text that are read."] = 48
    width: Annotated[int, Range(8, 8192), "Numbers a piece."] = 256
    layers: Annotated[int, Range(1, 100), "Transformer blocks."] = 4
    heads: Annotated[int, Range(1, 128), "Attention heads; they divide the width."] = 4
    dropout: Annotated[float, Range(0, 0.9), "Share of states that is dropped."] = 0.1
    hidden: Annotated[float, Range(0.01, 0.9), "Share of the pieces that is hidden."] = 0.15


class MaskedText(nn.Module):  # type: ignore[misc]
    """(n, tokens) numbers → (n, tokens, vocabulary) logits; the table of pieces serves twice."""

    def __init__(self, config: Config, vocabulary: int) -> None:
        super().__init__()
        self.words = Words(vocabulary, config.length, config.width)
        self.stack = Stack(config.layers, config.width, config.heads, config.dropout)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def encode(self, ids: Tensor, seen: Tensor) -> Tensor:
        states: Tensor = self.stack(self.words(ids), seen)
        return states

    def forward(self, ids: Tensor, seen: Tensor) -> Tensor:
        logits: Tensor = self.encode(ids, seen) @ self.words.pieces.weight.T + self.bias
        return logits


class Training:
    """See `loop.Trainee`."""

    watched = "hidden pieces named"

    def __init__(self, config: Config, train: Pairs, val: Pairs, processes: Processes) -> None:
        self.config, self.val, self.processes = config, val, processes
        tokenizer = run_tokenizer(
            config.out, config.tokenizer, train.pairs, config.vocabulary, processes
        )
        self.numbered = Numbered(tokenizer, config.length)
        torch.manual_seed(config.seed)
        self.model = MaskedText(config, self.numbered.vocabulary)
        fill(self.model, _RECIPE, config.begin)
        self.feed = Feed(
            train, config.batch, config.seed, None, Part(processes.rank, processes.count)
        )
        self.kept = [text for pair in val for text in pair.texts][:_KEPT]
        self.used = used_ids((pair.id for pair in train), (pair.id for pair in val))

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Batch]:
        return self.feed.batches(start)

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        texts = [one.text() for one in batch]
        loss, right = self._named(texts, [one.random for one in batch])
        return loss, {self.watched: right}

    def _named(self, texts: list[str], randoms: list[np.random.Generator]) -> tuple[Tensor, Tensor]:
        """The loss, and the share of hidden pieces whose name is the likeliest."""
        device = self.processes.device
        ids, seen = self.numbered(texts)
        shown, wanted = hide(ids, self.config.hidden, self.numbered, randoms)
        targets = torch.from_numpy(wanted).to(device)
        logits = self.model(torch.from_numpy(shown).to(device), torch.from_numpy(seen).to(device))
        loss = masked_language(logits.float(), targets)
        hidden = targets >= 0
        right = (logits.detach().argmax(-1) == targets)[hidden].float().mean()
        return loss, right

    def validate(self) -> dict[str, float]:
        losses, rights = [], []
        for start in range(0, len(self.kept), 64):
            texts = self.kept[start : start + 64]
            randoms = [np.random.default_rng([9, start, row]) for row in range(len(texts))]
            loss, right = self._named(texts, randoms)
            losses.append(float(loss))
            rights.append(float(right))
        return {self.watched: float(np.mean(rights)), "validation loss": float(np.mean(losses))}

    def about(self) -> dict[str, str]:
        texts = sum(len(pair.texts) for pair in self.feed.pairs)
        return {
            "start": f"`{self.config.begin}`" if self.config.begin else "nothing",
            "texts": f"{texts:,} to train on, {len(self.kept):,} to validate on",
            "pieces": f"{self.numbered.vocabulary:,}",
            "ids": told_ids(self.used),
            "parameters": f"{sum(one.numel() for one in self.model.parameters()):,}",
        }

    def bad(self) -> list[Bad]:
        return [*self.feed.bad.values(), *self.val.bad]

    def finish(self, out: Path) -> None:
        """`model.onnx`: ids, seen → logits; `config.json`, `tokenizer.json`, ids."""
        write_ids(out, self.used)
        config = self.config
        text = {"max_length": config.length, "vocabulary": self.numbered.vocabulary}
        shape = {"width": config.width, "layers": config.layers, "heads": config.heads}
        write_config(out, {"model_type": "masked-text", "text": text} | shape)
        ids, seen = self.numbered.tensors(["a dog", "two small dogs run"], torch.device("cpu"))
        free = {0: "texts", 1: "tokens"}
        axes = {"ids": free, "seen": free, "logits": free}
        export_graph(self.model, {"ids": ids, "seen": seen}, "logits", axes, out / "model.onnx")


def start(config: Config, processes: Processes) -> Training:
    config = shaped(config, _RECIPE, config.begin, _SHAPE)
    train, val = read_parts(config.data, config.val)
    return Training(config, train, val, processes)

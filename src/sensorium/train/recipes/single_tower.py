"""One transformer over a picture's patches and a text's words (UNITER; Chen et al., ECCV 2020).

It learns to name hidden words with the picture in sight, to paint hidden patches with the words in
sight, and to tell whether a text belongs to a picture, against texts that nearly do. When to use
it: to judge a few candidates better than a dual tower can, which never lets words look at patches;
too slow to search with, since every pair is a pass. Needs captioned pictures, and a dual tower
(`--negatives`) for hard negatives; without one they are other captions of the batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sensorium.metrics.retrieval import ranks, recall_at_k
from sensorium.task import Range
from sensorium.train.begin.run import fill, shaped
from sensorium.train.data import Pairs, read_parts
from sensorium.train.export import export_graph, picture_config, write_config
from sensorium.train.feed import Batch, Feed, Part, keep, pixels_of
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.losses import masked_language, masked_patches, matched
from sensorium.train.negatives import run_negatives
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.pixels import normal
from sensorium.train.processes import Processes
from sensorium.train.transformer import Patches, Stack, Words, patches_of
from sensorium.train.used import told_ids, used_ids, write_ids
from sensorium.train.view import View
from sensorium.train.words import Numbered, hide, run_tokenizer

_KEPT = 100  # pictures that validation looks at, each beside its own text and others
_AMONG = 10
_SHAPE = ("vocabulary", "length", "size", "patch", "width", "layers", "heads")
_RECIPE = "single-tower"


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A finished run of this recipe, dir:path; its shape counts."] = ""
    negatives: Annotated[str, "A dual tower that finds hard negatives: a name, dir:path."] = ""
    nearest: Annotated[int, Range(1, 1000), "Nearest captions that negatives are of."] = 16
    tokenizer: Annotated[str, "A tokenizer.json to use; unsaid, one is learnt."] = ""
    vocabulary: Annotated[int, Range(100, 500_000), "Pieces that are learnt at most."] = 8000
    length: Annotated[int, Range(4, 4096), "Pieces of a text that are read."] = 40
    size: Annotated[int, Range(8, 2048), "Pixels of the square that is seen."] = 96
    patch: Annotated[int, Range(2, 64), "Pixels of a patch's side; they divide the size."] = 12
    width: Annotated[int, Range(8, 8192), "Numbers a patch or piece."] = 256
    layers: Annotated[int, Range(1, 100), "Transformer blocks."] = 6
    heads: Annotated[int, Range(1, 128), "Attention heads; they divide the width."] = 4
    dropout: Annotated[float, Range(0, 0.9), "Share of states that is dropped."] = 0.1
    hidden: Annotated[float, Range(0.01, 0.9), "Share of pieces, or patches, that is hidden."] = 0.2
    crop: Annotated[float, Range(0.05, 1), "Smallest share of a picture that is kept."] = 0.7


class SingleTower(nn.Module):  # type: ignore[misc]
    def __init__(self, config: Config, vocabulary: int) -> None:
        super().__init__()
        self.patches = Patches(config.size, config.patch, config.width)
        self.words = Words(vocabulary, config.length, config.width)
        self.unseen = nn.Parameter(torch.randn(config.width) * 0.02)
        self.kinds = nn.Parameter(torch.randn(2, config.width) * 0.02)
        self.stack = Stack(config.layers, config.width, config.heads, config.dropout)
        self.names = nn.Parameter(torch.zeros(vocabulary))
        self.paint = nn.Linear(config.width, config.patch**2 * 3)
        self.match = nn.Linear(config.width, 1)

    def states(
        self, pixels: Tensor, ids: Tensor, seen: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """States of patches (n, patches, width) and of pieces (n, tokens, width), each made in
        sight of all. hidden: bool (n, patches), patches that are not shown."""
        patches, words = self.patches.seen(patches_of(pixels, self.patches.side)), self.words(ids)
        if hidden is not None:
            patches = torch.where(hidden[..., None], self.unseen.to(patches.dtype), patches)
        both = torch.cat([patches + self.patches.places + self.kinds[0], words + self.kinds[1]], 1)
        shown = torch.cat([torch.ones_like(both[:, : self.patches.count, 0]).bool(), seen], 1)
        states: Tensor = self.stack(both, shown)
        return states[:, : self.patches.count], states[:, self.patches.count :]

    def forward(self, pixels: Tensor, ids: Tensor, seen: Tensor) -> Tensor:
        """(n,) logits: does the text belong to the picture?"""
        logits: Tensor = self.match(self.states(pixels, ids, seen)[1][:, 0])[:, 0]
        return logits


class Training:
    """See `loop.Trainee`."""

    watched = f"recall@1 of {_AMONG}"

    def __init__(self, config: Config, train: Pairs, val: Pairs, processes: Processes) -> None:
        self.config, self.val, self.processes = config, val, processes
        tokenizer = run_tokenizer(config.out, config.tokenizer, train, config.vocabulary, processes)
        self.numbered = Numbered(tokenizer, config.length)
        self.view = View(config.size, scale=config.crop)
        torch.manual_seed(config.seed)
        self.model = SingleTower(config, self.numbered.vocabulary)
        fill(self.model, _RECIPE, config.begin)
        part = Part(processes.rank, processes.count)
        self.feed = Feed(train, config.batch, config.seed, self.view, part)
        self.kept = keep(val, self.view, _KEPT)
        self.used = used_ids((pair.id for pair in train), self.kept.ids)
        self.near: NDArray[np.int64] | None = None
        if config.negatives:
            self.near = run_negatives(
                config.out, config.negatives, train, config.nearest, processes
            )
            self.places = {pair.where: place for place, pair in enumerate(train)}

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Batch]:
        return self.feed.batches(start)

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        """Four views of every pair in one pass: whole, with a wrong text, with hidden words, with
        hidden patches."""
        device, n = self.processes.device, len(batch)
        own, wrong = self._texts(batch)
        ids, seen = self.numbered([*own, *wrong, *own, *own])
        shown, wanted = hide(
            ids[2 * n : 3 * n], self.config.hidden, self.numbered, [one.random for one in batch]
        )
        ids[2 * n : 3 * n] = shown
        pixels = normal(pixels_of(batch), device)
        hidden = torch.zeros(4 * n, self.model.patches.count, dtype=torch.bool, device=device)
        hidden[3 * n :] = self._hidden(batch)
        patches, words = self.model.states(
            pixels.repeat(4, 1, 1, 1),
            torch.from_numpy(ids).to(device),
            torch.from_numpy(seen).to(device),
            hidden,
        )
        belongs = torch.arange(2 * n, device=device) < n
        match = matched(self.model.match(words[: 2 * n, 0])[:, 0].float(), belongs)
        logits = words[2 * n : 3 * n] @ self.model.words.pieces.weight.T + self.model.names
        name = masked_language(logits.float(), torch.from_numpy(wanted).to(device))
        painted = self.model.paint(patches[3 * n :]).float()
        paint = masked_patches(painted, patches_of(pixels, self.config.patch), hidden[3 * n :])
        logs = {"match": match.detach(), "name": name.detach(), "paint": paint.detach()}
        return match + name + paint, logs

    def _texts(self, batch: Batch) -> tuple[list[str], list[str]]:
        """A caption of each picture, and one that is not its own."""
        own = [one.text() for one in batch]
        if self.near is None:
            return own, [*own[1:], own[0]]
        wrong = []
        for one in batch:
            near = self.near[self.places[one.pair.where]]
            other = self.feed.pairs[int(near[one.random.integers(len(near))])]
            wrong.append(other.texts[0])
        return own, wrong

    def _hidden(self, batch: Batch) -> Tensor:
        """bool (n, patches): the share of each picture's patches that is hidden, by chance."""
        count = self.model.patches.count
        orders = torch.from_numpy(np.stack([one.random.permutation(count) for one in batch]))
        return (orders < max(1, round(self.config.hidden * count))).to(self.processes.device)

    def validate(self) -> dict[str, float]:
        """Every picture beside its own text and nine others: how often does its own come first?"""
        found = []
        for row, own in enumerate(self.kept.captions):
            texts = [*next(iter(own.values()))[:1], *self._others(row)]
            squares = np.repeat(self.kept.pixels[row : row + 1], len(texts), 0)
            pixels = normal(squares, self.processes.device)
            scores = self.model(pixels, *self.numbered.tensors(texts, self.processes.device))
            right = np.arange(len(texts)) == 0
            found += list(ranks(scores.float().cpu().numpy()[None], right[None]))
        return {self.watched: recall_at_k(found, 1)}

    def _others(self, row: int) -> list[str]:
        """Nine captions, by chance but always the same, that are not the picture's own."""
        own = {text for texts in self.kept.captions[row].values() for text in texts}
        every = (text for one in self.kept.captions for texts in one.values() for text in texts[:1])
        others = sorted(set(every) - own)
        chosen = np.random.default_rng([9, row]).permutation(len(others))[: _AMONG - 1]
        return [others[place] for place in chosen]

    def about(self) -> dict[str, str]:
        return {
            "start": f"`{self.config.begin}`" if self.config.begin else "nothing",
            "pictures": f"{len(self.feed.pairs):,} to train on, {len(self.kept.ids):,} to validate",
            "ids": told_ids(self.used),
            "negatives": self.config.negatives or "other captions of the batch",
            "parameters": f"{sum(one.numel() for one in self.model.parameters()):,}",
        }

    def bad(self) -> list[Bad]:
        return [*self.feed.bad.values(), *self.val.bad]

    def finish(self, out: Path) -> None:
        """`model.onnx`: pixels, ids, seen → match; `config.json`, `tokenizer.json`, ids."""
        write_ids(out, self.used)
        config = self.config
        shape = {"width": config.width, "layers": config.layers, "heads": config.heads}
        image = picture_config(config.size, self.view.resample) | {"patch": config.patch}
        text = {"max_length": config.length, "vocabulary": self.numbered.vocabulary}
        write_config(out, {"model_type": "single-tower", "image": image, "text": text} | shape)
        here = torch.device("cpu")
        ids, seen = self.numbered.tensors(["a dog", "two small dogs run"], here)
        inputs = {"pixels": normal(self.kept.pixels[[0, -1]], here), "ids": ids, "seen": seen}
        words = {0: "pairs", 1: "tokens"}
        axes = {"pixels": {0: "pairs"}, "ids": words, "seen": words, "match": {0: "pairs"}}
        export_graph(self.model, inputs, "match", axes, out / "model.onnx")


def start(config: Config, processes: Processes) -> Training:
    config = shaped(config, _RECIPE, config.begin, _SHAPE)
    train, val = read_parts(config.data, config.val)
    return Training(config, train, val, processes)

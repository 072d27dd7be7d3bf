"""Pictures and texts in one space, learnt from your own pairs: a search model of your own.

Contrastive learning: of a batch's pictures and captions each is to find its own, by a softmax over
the batch (InfoNCE: CLIP, Radford et al., ICML 2021) or pair by pair (`--loss sigmoid`: SigLIP, Zhai
et al., ICCV 2023), which does better in small batches.

When to use it, by `--begin`:
the built-in model (the default) on hundreds to thousands of captioned pictures of your own, on two
CPU cores in minutes to an hour; a CLIP, SigLIP or Chinese-CLIP checkpoint, with `--lora 16` where
memory is short, or `--freeze image` to teach it a language (LiT, Zhai et al., CVPR 2022); a
backbone and an encoder of your own (`--image`, `--text`); a run of this recipe, on class names for
one, to go on with captions; `nothing`, which takes hundreds of thousands of pairs to be of use.

`--at-once` keeps a part of a large batch in memory (gradient caching, Gao et al. 2021); `--teacher`
adds what a larger model makes of the batch (Hinton et al. 2015; for CLIP, Wu et al., ICCV 2023).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from sensorium.metrics.retrieval import ranks, recall_at_k
from sensorium.models import open as open_model
from sensorium.roles import DualTower, Floats
from sensorium.task import Range
from sensorium.train.begin.encoder import Begun, freeze
from sensorium.train.begin.lora import add_lora, merge_lora
from sensorium.train.begin.start import begin
from sensorium.train.cache import encode_in_parts
from sensorium.train.data import Pairs, read_parts
from sensorium.train.feed import Batch, Feed, Part, keep, pixels_of
from sensorium.train.loop import Group, Logs
from sensorium.train.losses import distilled, gathered_info_nce, gathered_sigmoid
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.used import told_ids, used_ids, write_ids

_KEPT = 1000  # pictures that validation looks at
_AT = 10


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A dual tower: a name, hf:org/repo, dir:path; or “nothing”."] = (
        "dual-tower"
    )
    image: Annotated[
        str, "Instead: an image backbone, timm's, transformers' or masked-image's."
    ] = ""
    text: Annotated[str, "Instead: a text encoder, transformers' or masked-text's."] = ""
    loss: Annotated[
        Literal["", "info-nce", "sigmoid"], "Unsaid: the start's own, info-nce but for SigLIP."
    ] = ""
    freeze: Annotated[Literal["", "image", "text"], "A tower that stays as it is."] = ""
    lora: Annotated[int, Range(0, 1024), "Rank of adapters that learn instead; 0: none."] = 0
    at_once: Annotated[int, Range(0, 10**6), "Pairs in memory at a time; 0: the batch."] = 0
    teacher: Annotated[str, "A dual tower to learn from too: a name, hf:, dir:."] = ""
    taught: Annotated[float, Range(0, 100), "Weight of what the teacher says."] = 1.0
    steps: Annotated[int, Range(1, 10**8), "Optimiser steps, at most."] = 300
    batch: Annotated[int, Range(2, 10**6), "Pairs that are told apart, of all processes."] = 64
    validate_every: Annotated[int, Range(1, 10**8), "Steps between validations."] = 25
    patience: Annotated[int, Range(0, 10**6), "Validations without a gain; 0: never stop."] = 4
    crop: Annotated[float, Range(0.05, 1), "Smallest share of a picture that is kept."] = 0.6
    dim: Annotated[int, Range(2, 8192), "Numbers of a place; with --image, --text, nothing."] = 256
    size: Annotated[int, Range(8, 2048), "Pixels of the square; of a tower from nothing."] = 96
    patch: Annotated[int, Range(2, 64), "Pixels of a patch's side, of the same."] = 12
    width: Annotated[int, Range(8, 8192), "Numbers a patch or piece, of the same."] = 192
    layers: Annotated[int, Range(1, 100), "Transformer blocks, of the same."] = 4
    heads: Annotated[int, Range(1, 128), "Attention heads, of the same."] = 4
    length: Annotated[int, Range(4, 4096), "Pieces of a text that are read, of the same."] = 48
    vocabulary: Annotated[int, Range(100, 500_000), "Pieces that are learnt, of the same."] = 8000


class Training:
    """See `loop.Trainee`."""

    watched = f"recall@{_AT}"  # the mean of both ways and all languages

    def __init__(
        self, config: Config, begun: Begun, train: Pairs, val: Pairs, processes: Processes
    ) -> None:
        self.config, self.begun, self.val, self.processes = config, begun, val, processes
        self.model = begun.model
        self.sigmoid = (config.loss or begun.loss) == "sigmoid"
        if config.freeze:
            freeze(self.model, config.freeze)
        self._groups = add_lora(self.model, config.lora) if config.lora else self.model.groups()
        if not self.sigmoid:
            self.model.bias.detach().zero_()
        self.teacher = open_model(config.teacher, DualTower) if config.teacher else None
        view = replace(begun.view, scale=config.crop)
        part = Part(processes.rank, processes.count)
        self.feed = Feed(train, config.batch, config.seed, view, part)
        self.kept = keep(val, view, _KEPT)
        self.used = used_ids((pair.id for pair in train), self.kept.ids)

    def groups(self) -> list[Group]:
        learns = ([w for w in g.parameters if w.requires_grad] for g in self._groups)
        return [Group(w, g.lr, g.decay) for g, w in zip(self._groups, learns, strict=True)]

    def batches(self, start: int) -> Iterator[Batch]:
        return self.feed.batches(start)

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        """Each picture is to find its caption among all processes', each caption its picture."""
        device, texts = self.processes.device, [one.text() for one in batch]
        squares = torch.from_numpy(pixels_of(batch)).to(device)
        words = tuple(one.to(device) for one in self.begun.words(texts))
        at_once = self.config.at_once or len(batch)
        images = encode_in_parts(self.model.see, (squares,), at_once)
        said = encode_in_parts(self.model.read, words, at_once)
        with torch.autocast(device.type, enabled=False):  # a logit of 16 bits is off by tenths
            contrast = self.contrast(images, said, keys(batch, texts).to(device))
            if self.teacher is None:
                return contrast, {}
            told = self.taught(images, said, batch, texts)
        logs = {"contrast": contrast.detach(), "teacher": told.detach()}
        return contrast + self.config.taught * told, logs

    def contrast(self, images: Tensor, said: Tensor, belongs: Tensor) -> Tensor:
        scale, bias, here = self.model.log_scale, self.model.bias, self.processes
        if self.sigmoid:
            return gathered_sigmoid(images, said, scale, bias, here, belongs)
        return gathered_info_nce(images, said, scale, here, belongs)

    def taught(self, images: Tensor, said: Tensor, batch: Batch, texts: list[str]) -> Tensor:
        """How the teacher spreads each picture over the captions, and each caption back."""
        assert self.teacher is not None
        seen = torch.from_numpy(self.teacher.embed_images([one.pixels for one in batch]))
        read = torch.from_numpy(self.teacher.embed_texts(texts))
        given = self.teacher.logit_scale * (seen @ read.T).to(images.device)
        mine = self.model.log_scale.exp() * images @ said.T
        return (distilled(mine, given) + distilled(mine.T, given.T)) / 2

    def validate(self) -> dict[str, float]:
        """Each picture's first caption of each language finds its picture, and back; other pictures
        of which the same is said count as right."""
        images = self._seen()
        found: dict[str, float] = {}
        for lang in sorted({lang for one in self.kept.captions for lang in one}):
            rows = [row for row, one in enumerate(self.kept.captions) if one.get(lang)]
            texts = [self.kept.captions[row][lang][0] for row in rows]
            cosines = self._read(texts) @ images[rows].T
            same = np.array(texts)[:, None] == np.array(texts)[None]
            for way, matrix in (("text to image", cosines), ("image to text", cosines.T)):
                for k in (1, _AT):
                    found[f"{way} recall@{k}, {lang}"] = recall_at_k(ranks(matrix, same), k)
        watched = [value for name, value in found.items() if self.watched in name]
        return {self.watched: float(np.mean(watched))} | found

    def _seen(self) -> Floats:
        parts = (self.kept.pixels[at : at + 64] for at in range(0, len(self.kept.pixels), 64))
        device = self.processes.device
        seen = [self.model.see(torch.from_numpy(part).to(device)) for part in parts]
        return _floats(seen)

    def _read(self, texts: list[str]) -> Floats:
        device = self.processes.device
        parts = (self.begun.words(texts[at : at + 64]) for at in range(0, len(texts), 64))
        read = [self.model.read(*(one.to(device) for one in part)) for part in parts]
        return _floats(read)

    def about(self) -> dict[str, str]:
        learns = sum(w.numel() for group in self.groups() for w in group.parameters)
        told = dict(self.begun.told) | {
            "pictures": f"{len(self.feed.pairs):,} to train on, {len(self.kept.ids):,} to validate",
            "ids": told_ids(self.used),
            "loss": "pairwise sigmoid" if self.sigmoid else "InfoNCE",
            "numbers that learnt": f"{learns:,}",
        }
        config = self.config
        told |= {"frozen": f"the {config.freeze} tower"} if config.freeze else {}
        told |= {"LoRA": f"rank {config.lora}, merged"} if config.lora else {}
        return told | ({"teacher": f"`{config.teacher}`"} if config.teacher else {})

    def bad(self) -> list[Bad]:
        return [*self.feed.bad.values(), *self.val.bad]

    def finish(self, out: Path) -> None:
        """What `--model dir:OUT` opens, of the start's family; and `ids.txt.gz`."""
        if self.config.lora:
            merge_lora(self.model)
        self.begun.write(out)
        write_ids(out, self.used)


def _floats(parts: list[Tensor]) -> Floats:
    together: Floats = torch.cat(parts).float().cpu().numpy()
    return together


def keys(batch: Batch, texts: list[str]) -> Tensor:
    """int64 (n, 2): numbers of picture and text; see `losses.same`. A caption that two pictures
    share is right for both, and a picture that a small data set shows twice is one."""
    both = [
        (_number(one.pair.where), _number(text)) for one, text in zip(batch, texts, strict=True)
    ]
    return torch.tensor(both)


def _number(text: str) -> int:
    """Of 63 bits, the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def start(config: Config, processes: Processes) -> Training:
    train, val = read_parts(config.data, config.val)
    return Training(config, begin(config, train, processes), train, val, processes)

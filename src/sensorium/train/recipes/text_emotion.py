"""What is felt in a text, in Chinese and English: sentiment (three classes) and emotion (seven).

When to use it: to make the model that `sensorium emotion` ships again, or one of your own on a file
of the same columns. One CPU core makes it in an hour and a quarter.

What it needs: the start multilingual-e5-small of `train/starts.py` installed, and one parquet file
with the columns text, language, source, sentiment, emotion, split (see `train/labelled.py`).

How it is made
1. A linear bag of pieces, of their pairs and of runs of letters (Joulin et al., EACL 2017) learns
   alone, by steps; then its weights of emotion are fitted anew, to all rows at once with a penalty
   (`train/regression.py`). It costs a few minutes.
2. The encoder, E5's lowest layers, learns alone, with two heads. Rows have one label or both; a
   loss counts what a row has, and a set without neutral texts never teaches that neutral is wrong.
   Which rows a batch draws: `train/felt.py`. The two lowest layers stay as they are, of the others
   the lower learn at lower rates, and some pieces are left out by chance. Its matrices are kept in
   4 bits, and in the last steps it learns with them rounded (`train/four_bits.py`).
3. Two weights a head mix the parts; they are fitted on half of what was held back.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sensorium.metrics.calibration import calibration_error
from sensorium.metrics.classification import balanced_accuracy, macro_f1, weighted_f1
from sensorium.models._labels import SENTIMENTS
from sensorium.results.timeline import EMOTIONS
from sensorium.task import Range
from sensorium.train.checkpoint import read_weights
from sensorium.train.encoders import TextEncoder
from sensorium.train.export import write_config, write_figures
from sensorium.train.felt import Texts
from sensorium.train.four_bits import leave_rounded, round_layers
from sensorium.train.labelled import Labelled, read_labelled
from sensorium.train.loop import BEST, Group, Logs, grouped
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.phase import Phase, run_phase
from sensorium.train.pieces import prune, unigram
from sensorium.train.processes import Processes
from sensorium.train.regression import regress_emotions
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import MULTILINGUAL_E5_SMALL, E5Weights, read_e5
from sensorium.train.text_emotion import (
    OUTPUTS,
    TextBag,
    TextEmotion,
    fit_mix,
    masked_loss,
    parts,
)

_DROPPED = 0.3  # share of a text that the bag does not see in a step of training
_UNREAD = 0.1  # the same of the encoder
_LOWEST = 0.5  # rate of the lowest layer that learns, as a share of the highest one's
_AT_ONCE = 256
_ROUNDED = 0.85  # share of the steps after which the encoder learns in 4 bits


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    begin: Annotated[str, "A finished run of builtin-dual-tower; empty: E5's own layers."] = ""
    steps: Annotated[int, Range(1, 10**6), "Steps of the encoder."] = 6700
    batch: Annotated[int, Range(2, 10**5), "Texts a batch."] = 96
    lr: Annotated[float, Range(0, 1), "Of the encoder; the heads have four times it."] = 3e-4
    precision: Annotated[Literal["fp32", "bf16"], "bf16 computes in 16 bits, weights stay 32."] = (
        "bf16"
    )
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.998
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 500
    rows: Annotated[int, Range(10, 250_002), "Pieces kept of E5's 250,002."] = 24_000
    layers: Annotated[str, "Layers kept of E5's twelve; as in a run to begin with."] = (
        "0,1,2,3,4,5,6"
    )
    frozen_layers: Annotated[int, Range(0, 12), "Of them, left as they are."] = 2
    longest: Annotated[int, Range(8, 512), "Pieces of a text that are read at use."] = 128
    length: Annotated[int, Range(8, 512), "Pieces that the encoder reads in training."] = 64
    letters: Annotated[int, Range(8, 4096), "Letters of a text that the bag reads."] = 320
    pairs: Annotated[int, Range(16, 2**24), "Places for pairs of pieces."] = 98_304
    runs: Annotated[int, Range(16, 2**24), "Places for runs of letters."] = 131_072
    bag_steps: Annotated[int, Range(1, 10**6), "Steps of the bag."] = 2000
    bag_batch: Annotated[int, Range(2, 10**6), "Texts a batch of these."] = 2048
    bag_lr: Annotated[float, Range(0, 1), "Rate of these."] = 0.01
    bag_penalty: Annotated[float, Range(0, 1), "Of the bag's squared weights of emotion."] = 1e-5
    smoothing: Annotated[float, Range(0, 0.5), "Share of an emotion's target for all."] = 0.05
    dropout: Annotated[float, Range(0, 0.9), "Share of features dropped before the heads."] = 0.1
    checked: Annotated[int, Range(1, 10**6), "Held back texts a set that validation reads."] = 250


class Bag(Phase[Config]):
    """Step 1."""

    def __init__(self, config: Config, bag: TextBag, texts: Texts) -> None:
        super().__init__(config, bag, [Group(list(bag.parameters()), decay=False)])
        self.texts = texts
        self.draw = texts.drawn(config.bag_batch, config.seed + 1)

    def loss(self, batch: np.random.Generator) -> tuple[Tensor, Logs]:
        # The phase's batches are generators by number; the draw has its own chance.
        texts = self.texts.take(self.draw(int(batch.integers(2**31))))
        logits = self.model(*texts.read(self.config.longest), texts.spelt())
        return masked_loss(logits, *texts.truth(), self.config.smoothing), {}


class Training:
    """Step 2, the one that is validated and kept. See `loop.Trainee`."""

    watched = "mean"

    def __init__(
        self, config: Config, model: TextEmotion, train: Texts, held: Texts, tokenizer: Path
    ) -> None:
        self.config, self.model, self.tokenizer = config, model, tokenizer
        self.packed = model.encoder.words
        # Four bits are unpacked once, not in every step; `finish` puts them back.
        with torch.no_grad():
            table = self.packed(torch.arange(len(self.packed.packed))[None])[0]
        model.encoder.words = nn.Embedding.from_pretrained(table, freeze=True)
        self.train, self.held = train, held
        self.draw = train.drawn(config.batch, config.seed)
        self.few = held.take(_few(held, config.checked))
        for layer in model.encoder.layers[: config.frozen_layers]:
            layer.requires_grad_(False)
        self.rounding = round_layers(model.encoder.layers)

    def groups(self) -> list[Group]:
        encoder = self.model.encoder
        learn = encoder.layers[self.config.frozen_layers :]
        frozen = self.config.frozen_layers > 0
        encoder.norm.requires_grad_(not frozen)
        encoder.position.requires_grad_(not frozen)
        self.model.bag.requires_grad_(False)
        rates = np.linspace(_LOWEST, 1.0, len(learn))
        layers = [
            group
            for layer, rate in zip(learn, rates, strict=True)
            for group in grouped(layer, float(rate))
        ]
        first = [*grouped(encoder.norm, _LOWEST), Group([encoder.position], _LOWEST, decay=False)]
        return [*([] if frozen else first), *layers, *grouped(self.model.head, 4.0)]

    def batches(self, start: int) -> Iterator[Texts]:
        number, last = start, _ROUNDED * self.config.steps * self.config.accumulate
        while True:
            for one in self.rounding:
                one.on = number >= last
            yield self.train.take(self.draw(number))
            number += 1

    def loss(self, batch: Texts) -> tuple[Tensor, Logs]:
        ids, mask = batch.read(self.config.length)
        unread = torch.rand(mask.shape) < _UNREAD
        unread[:, 0] = False
        logits = self.model.read(ids, mask.masked_fill(unread, 0))
        return masked_loss(logits, *batch.truth(), self.config.smoothing), {}

    def validate(self) -> dict[str, float]:
        return figures(by_encoder(self.model, self.few), self.few)

    def about(self) -> dict[str, str]:
        return {
            "start": f"{MULTILINGUAL_E5_SMALL}, layers {self.config.layers}, by way of "
            f"{self.config.begin or 'nothing else'}",
            "texts": f"{len(self.train):,} to train on, {len(self.held):,} held back",
        }

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`, `tokenizer.json`, `config.json`, `figures.json`."""
        self.model.eval()
        with torch.no_grad():
            read, bag = by_encoder(self.model, self.held), by_bag(self.model, self.held)
        labels, two = self.held.truth()
        half = torch.arange(len(labels)) % 2 == 0
        mix = fit_mix(read[half], bag[half], labels[half], two[half])
        self.model.mix.copy_(mix)
        rest = self.held.take(np.nonzero(~half.numpy())[0])
        both = mix[0] * read + mix[1] * bag
        told = {
            "encoder": figures(read, self.held),
            "bag": figures(bag, self.held),
            "both": figures(both, self.held),
            "calibration error, encoder": errors(read[~half], rest),
            "calibration error, both": errors(both[~half], rest),
        }
        leave_rounded(self.model.encoder.layers)
        self.model.encoder.words = self.packed
        write(self.config, self.model, self.tokenizer, told, out)


def by_encoder(model: TextEmotion, texts: Texts) -> Tensor:
    """Logits `(n, 10)` of the encoder alone."""
    return _in_parts(texts, lambda some: model.read(*some.read(1000)))


def by_bag(model: TextEmotion, texts: Texts) -> Tensor:
    return _in_parts(texts, lambda some: model.bag(*some.read(1000), some.spelt()))


def _in_parts(texts: Texts, read: Callable[[Texts], Tensor]) -> Tensor:
    """Texts of like length run together."""
    order = np.argsort([len(row) for row in texts.pieces], kind="stable")
    logits = torch.empty(len(texts), OUTPUTS)
    for at in range(0, len(order), _AT_ONCE):
        chosen = order[at : at + _AT_ONCE]
        logits[torch.from_numpy(chosen)] = read(texts.take(chosen)).float()
    return logits


GROUPS = {
    "sst2": ("sst2",),
    "chinese reviews": ("chnsenticorp", "online_shopping_10_cats", "waimai_10k"),
    "goemotions": ("goemotions",),
    "chinese posts": ("smp2020-usual", "smp2020-virus", "nlpcc2014"),
    "meld": ("meld",),
}
"""What the model is judged by: sets, or several as one."""


def figures(logits: Tensor, texts: Texts) -> dict[str, float]:
    """The figure of each group (balanced accuracy of sentiment, macro-F1 of emotion, of meld its
    weighted F1), the other sets' own, and the mean of the groups."""
    sentiment, emotion = (part.float().numpy().copy() for part in parts(logits))
    sentiment[texts.two, SENTIMENTS.index("neutral")] = -np.inf
    named = np.stack([sentiment.argmax(1), emotion.argmax(1)], 1)
    told: dict[str, float] = {}
    known = {one for several in GROUPS.values() for one in several}
    alone = {name: (name,) for name in texts.names if name not in known}
    for name, several in (GROUPS | alone).items():
        chosen = np.isin(texts.sets, [texts.names.index(n) for n in several if n in texts.names])
        has = chosen[:, None] & (texts.labels >= 0)
        if has[:, 1].sum() > has[:, 0].sum() or name in ("goemotions", "meld"):
            score = weighted_f1 if name == "meld" else macro_f1
            of = has[:, 1]
            if of.any():
                told[name] = score(named[of, 1], texts.labels[of, 1])
        elif has[:, 0].any():
            told[name] = balanced_accuracy(named[has[:, 0], 0], texts.labels[has[:, 0], 0])
    grouped_ = [told[name] for name in GROUPS if name in told] or [*told.values()]
    return {"mean": float(np.mean(grouped_))} | told


def errors(logits: Tensor, texts: Texts) -> dict[str, float]:
    """Expected calibration error a head; sets without neutral over their two classes."""
    sentiment, emotion = parts(logits.float())
    sentiment = sentiment.clone()
    sentiment[torch.from_numpy(texts.two), SENTIMENTS.index("neutral")] = -torch.inf
    told = {}
    for place, (name, part) in enumerate((("sentiment", sentiment), ("emotion", emotion))):
        labels = texts.labels[:, place]
        has = labels >= 0
        if has.any():
            chance, named = part[torch.from_numpy(has)].softmax(-1).max(-1)
            told[name] = calibration_error(chance.numpy(), named.numpy() == labels[has])
    return told


def start(config: Config, processes: Processes) -> Training:
    torch.manual_seed(config.seed)
    work = config.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    weights = read_e5(MULTILINGUAL_E5_SMALL.path())
    rows = [row for name in config.data for row in read_labelled(Path(name), seed=config.seed)]
    kept = _kept(config, weights, rows, work)
    tokenizer = unigram(*kept[1:], config.longest)
    tokenizer.save(str(work / "tokenizer.json"))
    encoder = start_encoder(config, weights, kept[0])
    tokenizer.no_padding()
    pieces = [one.ids for one in tokenizer.encode_batch([row.text for row in rows])]
    texts = Texts.of(rows, pieces, config.letters)
    back = np.array([row.held for row in rows])
    train, held = texts.take(np.nonzero(~back)[0]), texts.take(np.nonzero(back)[0])
    bag = TextBag(len(kept[0]), config.pairs, config.runs, _DROPPED)
    options = {"steps": config.bag_steps, "lr": config.bag_lr, "ema": 0.0, "precision": "fp32"}
    run_phase(Bag(config, bag, train), processes, work / "bag", **options)
    regress_emotions(bag, train, config.longest, config.bag_penalty, config.smoothing)
    width = encoder.position.shape[1]
    model = TextEmotion(encoder, bag, width, config.dropout)
    return Training(config, model, train, held, work / "tokenizer.json")


Kept = tuple[list[int], list[str], list[float]]


def _kept(config: Config, weights: E5Weights, rows: list[Labelled], work: Path) -> Kept:
    """Rows of E5's table that are kept, with their pieces and scores."""
    path = work / "rows.npy"
    if not path.is_file():
        texts = [row.text for row in rows if not row.held]
        np.save(path, np.array(prune(weights.pieces, weights.scores, texts, config.rows)))
    kept = [int(at) for at in np.load(path)]
    return kept, [weights.pieces[at] for at in kept], [weights.scores[at] for at in kept]


def start_encoder(config: Config, weights: E5Weights, kept: list[int]) -> TextEncoder:
    """E5's layers, taught by the run to begin with; its words and far positions are E5's."""
    layers = [int(number) for number in config.layers.split(",")]
    encoder = TextEncoder(weights, kept, layers, config.longest)
    if config.begin:
        prefix = "text.encoder."
        state = read_weights(Path(config.begin) / BEST)
        taught = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        own = encoder.state_dict()
        own |= {k: v for k, v in taught.items() if k.startswith(("norm.", "layers."))}
        known = min(len(taught["position"]), config.longest)
        own["position"][:known] = taught["position"][:known]
        encoder.load_state_dict(own)
    return encoder


def _few(texts: Texts, most: int) -> NDArray[np.int64]:
    """The first `most` rows of every set."""
    rows = [np.nonzero(texts.sets == number)[0][:most] for number in range(len(texts.names))]
    return np.concatenate(rows)


def packed(tokenizer: str) -> str:
    """The same tokenizer in a third of the bytes: no indents, scores to three decimals."""
    told = json.loads(tokenizer)
    told["model"]["vocab"] = [[piece, round(score, 3)] for piece, score in told["model"]["vocab"]]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def write(config: Config, model: TextEmotion, tokenizer: Path, told: object, out: Path) -> None:
    """The folder that `models/text_emotion.py` opens."""
    out.mkdir(parents=True, exist_ok=True)
    ids = torch.ones(2, 9, dtype=torch.long)
    axes = {"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}, "letters": {0: "n", 1: "c"}}
    to_onnx(model.eval(), (ids, ids, ids), axes, "logits", out / "model.onnx", "int4")
    (out / "tokenizer.json").write_text(packed(tokenizer.read_text("utf-8")), "utf-8")
    write_figures(out, told)
    labels = {"sentiment": list(SENTIMENTS), "emotion": list(EMOTIONS)}
    text = {"max_length": config.longest, "letters": config.letters}
    write_config(out, {"model_type": "text_emotion", "text": text} | labels)

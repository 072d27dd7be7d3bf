"""Sentiment of a picture and the words that were posted with it: a linear model over what frozen
ones tell of them.

When to use it: to make the model behind `sensorium emotion photo.jpg --with-text` again, or one for
posts of your own. A few minutes on one core.

What it needs: one parquet file with the columns text, image (an encoded picture) and sentiment
(negative, neutral, positive), a dual tower, and where there is one a reader of texts.

How it is judged: posts fall into folds by whole groups of near-duplicates, by text or by picture,
and every fold is answered by the models of the others: from words alone (a bag of hashed n-grams as
a plain baseline; vectors of the dual tower and what the reader tells; all of these), from the
picture alone, and from both. Both must be better than each of the others, by a paired bootstrap
over groups of accuracy and of macro-F1, or the card says that the picture brings nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sensorium.errors import InputError, ModelMissing
from sensorium.metrics.calibration import calibration_error, fit_temperature
from sensorium.metrics.classification import accuracy, macro_f1
from sensorium.metrics.interval import paired_bootstrap, paired_macro_f1
from sensorium.models import open as open_model
from sensorium.models._labels import SENTIMENTS
from sensorium.models.post_sentiment import MARKS, PLACES, own, post_features
from sensorium.roles import DualTower, TextClassifier
from sensorium.runtime.devices import Device
from sensorium.task import Range
from sensorium.train.export import export_graph, write_config, write_figures
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.posts import (
    Posts,
    Probe,
    Ridge,
    columns,
    cross_validated,
    decoded,
    marked,
    rareness,
    read_posts,
    weighed,
)
from sensorium.train.processes import Processes

_AT_ONCE = 32
IMAGE, BOTH = "image", "both"


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    tower: Annotated[str, "The dual tower whose vectors are taken."] = "dual-tower"
    reader: Annotated[str, "The text classifier that is asked too; empty: none."] = (
        "text-classifier"
    )
    folds: Annotated[int, Range(2, 100), "Parts that are answered by models of the others."] = 5
    l2: Annotated[float, Range(0, 10), "Of the weights."] = 0.003
    balance: Annotated[float, Range(0, 1), "0 counts every post alike, 1 every class."] = 0.3
    steps: Annotated[int, Range(1, 10**6), "Steps over all posts."] = 400
    lr: Annotated[float, Range(0, 1), "Highest learning rate."] = 0.02
    weight_decay: Annotated[float, Range(0, 10), "AdamW's; `l2` is the model's own."] = 0.0
    validate_every: Annotated[int, Range(1, 10**6), "Steps between looks at the loss."] = 100


@dataclass(frozen=True)
class Frozen:
    """The models that stay as they are. names: as they were asked for."""

    names: tuple[str, str]
    tower: DualTower
    reader: TextClassifier | None

    @property
    def about(self) -> dict[str, Any]:
        """As `config.json` names them, for `models/post_sentiment.py` to find them again."""
        tower = {"model": self.names[0], "revision": self.tower.provenance.revision}
        if self.reader is None:
            return {"tower": tower, "reader": None}
        reader = {"model": self.names[1], "revision": self.reader.provenance.revision}
        heads = {name: list(labels) for name, labels in self.reader.heads.items()}
        return {"tower": tower, "reader": reader | {"heads": heads}}


class Training:
    """See `loop.Trainee`. It learns from every post; `told` is what cross-validation found."""

    watched = "likelihood"

    def __init__(
        self,
        config: Config,
        parts: Mapping[str, Tensor],
        posts: Posts,
        frozen: Frozen,
        told: dict[str, Any],
    ) -> None:
        self.config, self.parts, self.frozen, self.told = config, parts, frozen, told
        self.labels = torch.from_numpy(posts.labels)
        self.ridge = Ridge(config.l2, config.balance)
        marks = marked(posts.texts)
        rare = rareness(marks)
        self.columns, self.marks = columns(parts), weighed(marks, rare)
        self.model = Probe({name: part.shape[1] for name, part in parts.items()}, rare)

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[int]:
        """All posts, each time."""
        while True:
            yield start
            start += 1

    def loss(self, batch: int) -> tuple[Tensor, Logs]:
        model, device = self.model, self.model.marks.device
        by_marks = torch.sparse.mm(self.marks.to(device), model.marks)
        logits = model.linear(self.columns.to(device)) + by_marks
        return self.ridge.loss(logits, self.labels.to(device), model.weights()), {}

    def validate(self) -> dict[str, float]:
        """Of the posts that it learns from: the figures of the card are in its table."""
        return {self.watched: float(torch.exp(-self.loss(0)[0]))}

    def about(self) -> dict[str, str]:
        found = self.told["figures"]
        table = {
            f"{name}, of folds not learnt from": f"accuracy {one['accuracy']:.4f}, "
            f"macro-F1 {one['macro_f1']:.4f}"
            for name, one in found.items()
        }
        gains = {
            f"both beside {name}": ", ".join(
                f"{figure} {one['mean']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})"
                for figure, one in gain.items()
            )
            for name, gain in self.told["gains"].items()
        }
        sure, named = self.told["calibration"], self.frozen.about
        return {
            "posts": f"{len(self.labels):,} in {self.told['groups']:,} groups",
            "tower": _told(named["tower"]),
            "reader": _told(named["reader"]),
            "calibration error": f"{sure['error before']:.4f}; {sure['error after']:.4f} at the "
            f"temperature of other posts, of which {sure['temperature']:.3f} is in the weights",
            "the picture": "helps: both is best" if self.told["best"] else "brings nothing sure",
        } | (table | gains)

    def bad(self) -> list[Bad]:
        return []

    def finish(self, out: Path) -> None:
        """`model.onnx`, `config.json`, `figures.json`."""
        write_figures(out, self.told)
        self.model.temperature.fill_(self.told["calibration"]["temperature"])
        own = {"model_type": "post_sentiment", "labels": list(SENTIMENTS)}
        write_config(out, own | self.frozen.about)
        inputs = {name: part[:2] for name, part in self.parts.items()}
        inputs[MARKS] = torch.eye(2, PLACES)
        axes = {name: {0: "n"} for name in [*inputs, "logits"]}
        export_graph(self.model, inputs, "logits", axes, out / "model.onnx")


def start(config: Config, processes: Processes) -> Training:
    if len(config.data) != 1:
        raise InputError("one file of posts is wanted", f"there are {len(config.data)}")
    posts = read_posts(Path(config.data[0]))
    frozen = open_frozen(config)
    parts = features(config, posts, frozen)
    told = judged(config, posts, parts)
    torch.manual_seed(config.seed)
    return Training(config, parts, posts, frozen, told)


def open_frozen(config: Config) -> Frozen:
    """A reader that is not on this machine is done without: the card says so."""
    tower = open_model(own(config.tower), DualTower, Device.CPU)
    try:
        reader = config.reader and open_model(own(config.reader), TextClassifier, Device.CPU)
    except ModelMissing:
        reader = None
    return Frozen((config.tower, config.reader), tower, reader or None)


def features(config: Config, posts: Posts, frozen: Frozen) -> dict[str, Tensor]:
    """What the frozen models tell of each post, kept in `work` of the run's folder."""
    path = config.out / "work" / "features.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        several = []
        for at in range(0, len(posts), _AT_ONCE):
            pictures = [decoded(one) for one in posts.pictures[at : at + _AT_ONCE]]
            texts = posts.texts[at : at + _AT_ONCE]
            several.append(post_features(pictures, texts, frozen.tower, frozen.reader))
        made: Any = {name: np.concatenate([o[name] for o in several]) for name in several[0]}
        unfinished = path.with_name("unfinished.npz")
        np.savez(unfinished, **made)
        unfinished.replace(path)
    with np.load(path) as kept:
        return {name: torch.from_numpy(kept[name]) for name in kept.files}


def judged(config: Config, posts: Posts, parts: Mapping[str, Tensor]) -> dict[str, Any]:
    """Figures of each way to answer, what both gain over each other one, and whether both is best
    by every one of these."""
    drawn = np.random.default_rng(config.seed).integers(0, config.folds, posts.groups.max() + 1)
    fold = drawn[posts.groups]
    ridge = Ridge(config.l2, config.balance)
    marks = marked(posts.texts)
    hashed = weighed(marks, rareness(marks))
    words = columns({name: part for name, part in parts.items() if name != IMAGE})
    ways = {
        "words, n-grams": [hashed],
        "words, vectors": [words],
        "words, all": [words, hashed],
        "picture": [columns({IMAGE: parts[IMAGE]})],
        BOTH: [columns(parts), hashed],
    }
    answers = {
        name: cross_validated(given, posts.labels, fold, ridge) for name, given in ways.items()
    }
    named = {name: one.argmax(1).numpy() for name, one in answers.items()}
    gains = {name: _gain(named[BOTH], one, posts) for name, one in named.items() if name != BOTH}
    return {
        "figures": {
            name: {
                "accuracy": accuracy(one, posts.labels),
                "macro_f1": macro_f1(one, posts.labels),
            }
            for name, one in named.items()
        },
        "gains": gains,
        "best": all(one["low"] > 0 for gain in gains.values() for one in gain.values()),
        "calibration": _calibration(answers[BOTH], posts),
        "posts": len(posts),
        "groups": int(posts.groups.max()) + 1,
    }


def _calibration(logits: Tensor, posts: Posts) -> dict[str, float]:
    """The temperature, and the expected calibration error of one half of the groups before and
    after the temperature that fits the other half."""
    half = posts.groups % 2 == 0
    fitted = fit_temperature(logits[half], posts.labels[half])

    def error(temperature: float) -> float:
        chances, named = (logits[~half] / temperature).softmax(1).max(1)
        return calibration_error(chances, named.numpy() == posts.labels[~half])

    whole = fit_temperature(logits, posts.labels)
    return {"temperature": whole, "error before": error(1.0), "error after": error(fitted)}


def _gain(
    ours: NDArray[np.int64], theirs: NDArray[np.int64], posts: Posts
) -> dict[str, dict[str, float]]:
    hits = paired_bootstrap(ours == posts.labels, theirs == posts.labels, posts.groups)
    f1 = paired_macro_f1(ours, theirs, posts.labels, posts.groups)
    return {
        name: {"mean": one.mean, "low": one.low, "high": one.high}
        for name, one in (("accuracy", hits), ("macro-F1", f1))
    }


def _told(model: dict[str, Any] | None) -> str:
    return f"{model['model']}, revision {model['revision']}" if model else "none"

"""The built-in dual tower: pictures and sentences, Chinese and English, in one space.

When to use it: to make the model that sensorium ships again, or as a pattern for a tower out of
real weights for a small machine. Two CPU cores make it in some two hours, no GPU is needed.

What it needs: the two starts of `train/starts.py` installed (their hints say how), and in the one
folder of `data` the parquet files flickr8k-train, flickr8k-val, captions-train, boxes-train,
tiny-imagenet-train, emoji and text-emotion-train; pictures that objects-val or media/labels.jsonl
there show are left out of training.

How it is made
1. Text. Of multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672) the vocabulary is cut to the
   pieces of two languages and four of twelve layers are kept; the rest is distilled (`distil.py`).
2. Pictures. EfficientNet-Lite2 (Tan and Le 2019) keeps its lower blocks as they are. A projection
   of its features is added to a mixture of class names (ConSE, Norouzi et al. 2014, arXiv
   1312.5650): what ImageNet has a class for has a place before any caption has been read.
3. The projections alone, then both towers: InfoNCE (CLIP, Radford et al. 2021) between pictures
   and their sentences in either language, with four anchors that keep the words no caption has:
   names of single things, class names against the rows of the mixture, the ImageNet classifier as
   a teacher of names on our pictures, and E5's place for single words.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sensorium.task import Range
from sensorium.train import pictured as read
from sensorium.train.albums import Album, Material, Said, Sampler
from sensorium.train.distil import (
    Floats,
    Lesson,
    Pieces,
    Pooled,
    Student,
    embed,
    numbered,
    teach,
)
from sensorium.train.encoders import TextEncoder, load_efficientnet_lite
from sensorium.train.export import write_config
from sensorium.train.halves import Lower, halves, lower_half
from sensorium.train.loop import Group, Logs
from sensorium.train.losses import distilled, info_nce
from sensorium.train.options import Options
from sensorium.train.phase import Phase, run_phase
from sensorium.train.pieces import prune, unigram, whole_words
from sensorium.train.processes import Processes
from sensorium.train.shrink import to_onnx
from sensorium.train.starts import EFFICIENTNET_LITE2, MULTILINGUAL_E5_SMALL, read_e5
from sensorium.train.towers import ImageTower, TextTower, Towers
from sensorium.train.used import told_ids, used_ids, write_ids

Chosen = NDArray[np.int64]
CAPTIONED = ("flickr8k", "captions")
SHARES = {"boxes": 3.0, "emoji": 1.0, "tiny": 0.15}
"""Few crops of photographs, many 64-pixel thumbnails: drawn in the other proportion."""
VIEWS = {"tiny": 2, "val": 1}
NAMES = Path(__file__).parent.parent / "imagenet_names.tsv"


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    steps: Annotated[int, Range(1, 10**6), "Steps of both towers together."] = 300
    batch: Annotated[int, Range(6, 10**5), "Captioned pictures a batch; names come on top."] = 384
    lr: Annotated[float, Range(0, 1), "Of the upper blocks; others have factors of it."] = 3e-4
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.98
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 50
    size: Annotated[int, Range(32, 512), "Side of the square of a picture, pixels."] = 288
    dim: Annotated[int, Range(8, 384), "Numbers of a place."] = 384
    rows: Annotated[int, Range(100, 250_002), "Pieces kept of E5's 250,002."] = 36_000
    layers: Annotated[str, "Layers kept of E5's twelve."] = "0,3,7,11"
    longest: Annotated[int, Range(8, 512), "Pieces of a text that are read at use."] = 64
    vocabulary_sentences: Annotated[int, Range(0, 10**6), "Sentences whose pieces are kept."] = (
        150_000
    )
    distil_sentences: Annotated[int, Range(0, 10**6), "Of them, taught where short."] = 50_000
    distil_longest: Annotated[int, Range(4, 512), "Pieces of the longest text taught."] = 26
    distil_steps: Annotated[int, Range(1, 10**6), "Steps of the distillation."] = 450
    distil_lr: Annotated[float, Range(0, 1), "Its rate."] = 6e-4
    frozen_blocks: Annotated[int, Range(0, 21), "Of 21 blocks, those left as they are."] = 16
    frozen_layers: Annotated[int, Range(0, 12), "Of the text's layers, in step 3."] = 2
    views: Annotated[int, Range(1, 100), "Views kept of a picture, one of them plain."] = 4
    head_steps: Annotated[int, Range(1, 10**6), "Steps of the projections alone."] = 400
    head_batch: Annotated[int, Range(6, 10**5), "Captioned pictures a batch of these."] = 1024
    head_lr: Annotated[float, Range(0, 1), "Rate of these."] = 1e-3
    dropout: Annotated[float, Range(0, 0.9), "Share of picture features dropped."] = 0.3
    machine: Annotated[float, Range(0, 1), "Share of Chinese captions by a machine."] = 0.3
    twins: Annotated[float, Range(0, 10), "Weight: Chinese against English captions."] = 0.3
    names: Annotated[float, Range(0, 10), "Weight: names of single things."] = 0.3
    classes: Annotated[float, Range(0, 10), "Weight: class names against the mixture."] = 0.2
    seen: Annotated[float, Range(0, 10), "Weight: the classifier as a teacher."] = 0.5
    words: Annotated[float, Range(0, 10), "Weight: E5's place for words."] = 0.5


class Alignment(Phase[Config]):
    """Step 3 of the recipe: what a batch is, and the losses.

    read: pieces to the space. see: halves to features.
    """

    def __init__(
        self,
        config: Config,
        towers: Towers,
        material: Material,
        read: Callable[[list[Pieces]], Tensor],
        see: Callable[[Tensor], Tensor],
        groups: list[Group],
    ) -> None:
        super().__init__(config, towers, groups)
        self.towers, self.material, self.read, self.see = towers, material, read, see
        self.captioned, self.named = Sampler(material.captioned), Sampler(material.named)

    def sentences(
        self, texts: list[Said], chance: np.random.Generator
    ) -> tuple[list[Pieces], Tensor, int]:
        """One sentence a picture and language: pieces, owners, and how many are English."""
        chosen: dict[str, list[tuple[int, Pieces]]] = {"en": [], "zh": []}
        for owner, of in enumerate(texts):
            machine = bool(of["zh_mt"]) and chance.random() < self.config.machine
            for language, source in (("en", "en"), ("zh", "zh_mt" if machine else "zh")):
                if of[source]:
                    pick = of[source][chance.integers(len(of[source]))]
                    chosen[language].append((owner, pick))
        both = chosen["en"] + chosen["zh"]
        return [p for _, p in both], torch.tensor([o for o, _ in both]), len(chosen["en"])

    def loss(self, batch: np.random.Generator) -> tuple[Tensor, Logs]:
        chance, count = batch, self.config.batch
        shown, texts, _ = self.captioned.draw(count, chance)
        things, names, keys = self.named.draw(count // 6, chance)
        classes = chance.choice(1000, count // 3, replace=False)
        words = chance.choice(len(self.material.words.rows), count // 6, replace=False)
        said, owner, english = self.sentences(texts, chance)
        rows = [
            said,
            [of[("en", "zh")[chance.integers(2)]][0] for of in names],
            [self.material.classes[chance.integers(2)][c] for c in classes],
            [self.material.words.rows[w] for w in words],
        ]
        read = self.read(list(chain(*rows))).split([len(r) for r in rows])
        features = self.see(torch.cat([shown, things]))
        places = self.towers.image.place(features)
        terms = self.captions(places[:count], read[0], owner, english)
        terms |= self.anchors(places, features, read[1:], (keys, classes, words))
        logs = {name: term.detach() for name, term in terms.items()}
        return torch.stack(list(terms.values())).sum(), logs

    def captions(
        self, places: Tensor, said: Tensor, owner: Tensor, english: int
    ) -> dict[str, Tensor]:
        """Each language by itself: else the other's sentences of a picture would count as wrong."""
        scale, number = self.towers.image.log_scale, torch.arange(len(places))[:, None]
        en, zh = said[:english], said[english:]
        of_en, of_zh = number == owner[:english], number == owner[english:]
        twins = owner[english:, None] == owner[:english]
        return {
            "en": info_nce(places, en, scale, of_en),
            "zh": info_nce(places, zh, scale, of_zh),
            "twins": self.config.twins * info_nce(zh, en, scale, twins),
        }

    def anchors(
        self,
        places: Tensor,
        features: Tensor,
        read: tuple[Tensor, ...],
        drawn: tuple[list[str], Chosen, Chosen],
    ) -> dict[str, Tensor]:
        """What keeps words that no caption has."""
        config, scale, image = self.config, self.towers.image.log_scale, self.towers.image
        (names, class_names, words), (keys, classes, chosen) = read, drawn
        things = places[len(places) - len(keys) :]
        same = torch.tensor([[a == b for b in keys] for a in keys])
        mixture = functional.normalize(image.names[classes], dim=-1)
        with torch.no_grad():
            seen = image.classifier(features)[:, classes]
        target = self.material.words.targets[chosen]
        between = (words @ words.T - target @ target.T).square().mean()
        far = 1 - (words * target).sum(-1).mean()
        return {
            "names": config.names * info_nce(things, names, scale, same),
            "classes": config.classes * info_nce(mixture, class_names, scale),
            "seen": config.seen * distilled(20 * places @ class_names.T, seen),
            "words": config.words * (10 * between + far),
        }


def heads(
    config: Config, towers: Towers, material: Material, processes: Processes, out: Path
) -> None:
    """Step 3, first part: the projections alone, on what the frozen networks give. Cheap, so that
    the costly part begins where the projections already fit."""
    text, image = towers.text, towers.image
    pooled = Pooled(text, material.texts())
    with torch.autocast("cpu", torch.bfloat16):
        still = material.seen_by(lambda half: image.upper(half, config.frozen_blocks))
    groups = [
        Group(image.head()),
        Group(list(text.project.parameters()), 1 / 3),
        Group([image.log_scale], 4.0, decay=False),
    ]
    phase = Alignment(
        replace(config, batch=config.head_batch),
        towers,
        still,
        lambda rows: text.place(pooled(rows)),
        lambda features: features,
        groups,
    )
    options = {"steps": config.head_steps, "lr": config.head_lr, "weight_decay": 0.1, "ema": 0.0}
    run_phase(phase, processes, out, **options)


class Both(Alignment):
    """Step 3, second part, and the one that is validated and kept."""

    watched = "recall at 10"

    def __init__(
        self, config: Config, towers: Towers, material: Material, studio: "Studio", val: Album
    ) -> None:
        text, image = towers.text, towers.image
        towers.requires_grad_(False)
        upper = [*image.net.blocks[config.frozen_blocks :], image.net.head]
        layers = text.encoder.layers[config.frozen_layers :]
        rate = config.lr
        groups = [
            Group([w for one in upper for w in one.parameters()]),
            Group(image.head(), config.head_lr / 3 / rate),
            Group([w for one in layers for w in one.parameters()], 0.5),
            Group(list(text.project.parameters())),
            Group([image.log_scale], 1e-3 / rate, decay=False),
        ]
        for group in groups:
            for weight in group.parameters:
                weight.requires_grad_(True)
        super().__init__(
            config,
            towers,
            material,
            lambda rows: embed(text, rows),
            lambda half: image.upper(half, config.frozen_blocks),
            groups,
        )
        self.studio, self.val = studio, val

    def validate(self) -> dict[str, float]:
        """Recall at 10, text to image, first sentence of each picture and language."""
        towers, half = self.towers, torch.from_numpy(self.val.half[0].astype(np.float32))
        seen = [towers.image.upper(part, self.config.frozen_blocks) for part in half.split(64)]
        places = towers.image.place(torch.cat(seen))
        found = {}
        for language in ("en", "zh"):
            said = embed(towers.text, [of[language][0] for of in self.val.texts])
            cosines = said @ places.T
            better = (cosines > cosines.diagonal()[:, None]).sum(1)
            found[f"{self.watched}, {language}"] = float((better < 10).float().mean())
        return {self.watched: float(np.mean(list(found.values())))} | found

    def about(self) -> dict[str, str]:
        material = self.material
        return {
            "start": f"{EFFICIENTNET_LITE2}, {MULTILINGUAL_E5_SMALL}",
            "captioned pictures": f"{sum(len(one.texts) for one in material.captioned):,}",
            "named pictures": f"{sum(len(one.texts) for one in material.named):,}",
            "ids": told_ids(self.studio.used()),
        }

    def finish(self, out: Path) -> None:
        """What `models/dual_tower.py` opens, and the ids."""
        write(self.config, self.studio.vocabulary, self.towers, out)
        write_ids(out, self.studio.used())


def all_said(pictures: read.Sets) -> list[str]:
    """Every sentence that goes with a picture."""
    return [t for name in CAPTIONED for one in pictures[name] for t in one.en + one.zh + one.zh_mt]


class Studio:
    """What the steps share: E5's weights, the pruned tokenizer, the folder for what is slow."""

    def __init__(self, config: Config, said: list[str], data: Path, work: Path) -> None:
        self.config, self.work = config, work
        self.weights = read_e5(MULTILINGUAL_E5_SMALL.path())
        whole = self.weights.pieces, self.weights.scores
        spoken = data / "text-emotion-train.parquet"
        many = read.sentences(spoken, config.vocabulary_sentences, config.seed)
        self.kept = prune(*whole, said + many, config.rows)
        self.vocabulary = [whole[0][i] for i in self.kept], [whole[1][i] for i in self.kept]
        self.tokenizer = unigram(*self.vocabulary, 40)
        single = whole_words(self.vocabulary[0])
        few = read.sentences(spoken, config.distil_sentences, config.seed)
        texts = [*single, *dict.fromkeys(said + few)]
        rows = numbered(self.tokenizer, texts)
        short = [i for i, row in enumerate(rows) if len(row) <= config.distil_longest]
        vectors = self.teach([texts[i] for i in short])
        self.lesson = Lesson.of([rows[i] for i in short], vectors)
        self.words = self.lesson.first(len(single))
        self.ids: dict[str, list[str]] = {}

    def used(self) -> str:
        """The pictures that were learnt from and chosen by, as `ids.txt.gz` says them."""
        learnt = (one for name, ids in self.ids.items() if name != "val" for one in ids)
        return used_ids(learnt, self.ids["val"])

    def teach(self, texts: list[str]) -> Floats:
        layers = list(range(self.weights.layers))
        teacher = TextEncoder(self.weights, self.kept, layers, self.config.longest).eval()
        return teach(teacher, self.tokenizer, texts, self.work / "e5.npy")

    def blank(self) -> TextTower:
        layers = [int(number) for number in self.config.layers.split(",")]
        encoder = TextEncoder(self.weights, self.kept, layers, self.config.longest)
        return TextTower(encoder, self.lesson.targets.shape[1], self.config.dim)

    def student(self, processes: Processes) -> TextTower:
        """Step 1: some of E5's layers, distilled."""
        config, tower = self.config, self.blank()
        options = {"steps": config.distil_steps, "lr": config.distil_lr, "ema": 0.0}
        phase = Student(config, tower, self.lesson)
        run_phase(phase, processes, self.work / "student", weight_decay=0.01, **options)
        return tower

    def album(self, name: str, items: list[read.Pictured], lower: Lower) -> Album:
        """Step 2: a set's halves and pieces."""
        config, path = self.config, self.work / f"{name}.npy"
        self.ids[name] = [f"{name}/{one.id}" for one in items]
        views = VIEWS.get(name, config.views)
        half = halves(items, views, config.size, lower, path, 1000 + config.seed)
        said: list[Said] = [
            {
                "en": numbered(self.tokenizer, one.en),
                "zh": numbered(self.tokenizer, one.zh),
                "zh_mt": numbered(self.tokenizer, one.zh_mt),
            }
            for one in items
        ]
        return Album(half, said, [one.en[0] for one in items], SHARES.get(name, 1.0))


def start(config: Config, processes: Processes) -> Both:
    """What is slow and never changes is kept in `OUT/work`."""
    torch.manual_seed(config.seed)
    data, work = Path(config.data[0]), config.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    pictures = read.gather(data)
    studio = Studio(config, all_said(pictures), data, work)
    text = studio.student(processes)
    net, classifier = load_efficientnet_lite(EFFICIENTNET_LITE2.path(), width=1.1, depth=1.2)
    towers = Towers(text, ImageTower(net, classifier, config.dim, config.dropout)).eval()
    lower = lower_half(net, config.frozen_blocks, config.size, work / "lower.onnx")
    albums = {name: studio.album(name, items, lower) for name, items in pictures.items()}
    english, chinese = zip(*read.class_names(NAMES), strict=True)
    classes = numbered(studio.tokenizer, english), numbered(studio.tokenizer, chinese)
    with torch.no_grad():
        both = embed(text, classes[0]) + embed(text, classes[1])
        towers.image.names.copy_(functional.normalize(both, dim=-1))
    captioned, named = [albums[n] for n in CAPTIONED], [albums[n] for n in SHARES]
    material = Material(captioned, named, classes, studio.words)
    heads(config, towers, material, processes, work / "heads")
    val = studio.album("val", read.captions(data / "flickr8k-val.parquet"), lower)
    return Both(config, towers, material, studio, val)


def write(
    config: Config, vocabulary: tuple[list[str], list[float]], towers: Towers, out: Path
) -> None:
    """The folder that `models/dual_tower.py` opens."""
    out.mkdir(parents=True, exist_ok=True)
    image = towers.image.to(memory_format=torch.contiguous_format)
    pixels = torch.zeros(2, 3, config.size, config.size)
    to_onnx(image, (pixels,), {"pixels": {0: "n"}}, "embedding", out / "image.onnx", "float16")
    ids = torch.ones(2, 9, dtype=torch.long)
    axes = {name: {0: "n", 1: "t"} for name in ("ids", "mask")}
    to_onnx(towers.text, (ids, ids), axes, "embedding", out / "text.onnx", "int8")
    unigram(*vocabulary, config.longest).save(str(out / "tokenizer.json"))
    picture = {"size": config.size, "resize": "squeeze", "resample": 3}
    picture |= {"mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    settings: dict[str, Any] = {"model_type": "dual_tower", "dim": config.dim}
    settings |= {"logit_scale": round(image.scale().item(), 3), "logit_bias": 0.0}
    text = {"max_length": config.longest, "pooling": "mean"}
    write_config(out, settings | {"image": picture, "text": text})

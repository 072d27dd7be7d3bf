"""How well pictures are named by words alone, with no example of any class."""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np

from sensorium.errors import InputError
from sensorium.evaluate._encode import BATCH, encode_pictures
from sensorium.evaluate._table import Row, Table
from sensorium.flow import Failed, Progress
from sensorium.metrics.classification import top_k_hits
from sensorium.metrics.interval import bootstrap
from sensorium.results import Provenance
from sensorium.roles import DualTower, Floats
from sensorium.task import task, use

Lang = Literal["en", "zh"]
COLUMNS: dict[Lang, str] = {"en": "name", "zh": "name_zh"}

# A class is the mean of its name in several sentences (Radford et al., Learning Transferable Visual
# Models From Natural Language Supervision, ICML 2021, section 3.1.4) and alone, as people search.
TEMPLATES: dict[Lang, tuple[str, ...]] = {
    "en": (
        "a photo of a {}.",
        "a blurry photo of a {}.",
        "a close-up photo of a {}.",
        "a photo of the large {}.",
        "a photo of the small {}.",
        "{}",
    ),
    "zh": ("一张{}的照片。", "一张模糊的{}照片。", "{}的特写照片。", "照片里有{}。", "{}"),
}


@dataclass(frozen=True)
class ZeroShotReport:
    """n: pictures. top1, top5: the share whose class is the best, or among the five best, of the
    `classes` names in the file (0 to 1); intervals: the bounds that hold 95 % of resamples.

    unreadable, unnamed: rows left out, by name.
    """

    n: int
    top1: float
    top5: float
    classes: int
    lang: str
    intervals: dict[str, tuple[float, float]]
    unreadable: tuple[str, ...]
    unnamed: tuple[str, ...]
    model: Provenance
    seconds: float


@task(example=["--data", "objects.parquet", "--lang", "zh", "--json"])
def zero_shot(
    data: Table,
    *,
    lang: Annotated[Lang, "Language of the class names."] = "en",
    model: DualTower = use("dual-tower"),
) -> Generator[Progress | Failed, None, ZeroShotReport]:
    """Measure naming without examples: is a picture nearest to its own class's name?

    The file has the columns `image` (an encoded picture of any size) and `name` or, for Chinese,
    `name_zh`; the classes are the different names in it. Ties count against the model.
    """
    started = time.monotonic()
    names = sorted({name for row in data.rows([COLUMNS[lang]]) if (name := _name(row, lang))})
    if len(names) < 2:
        raise InputError(f"{data.path} has {len(names)} classes", "two or more are needed")
    classes = _embed_classes(names, lang, model)
    tally = yield from _compare(data, lang, dict(zip(names, classes, strict=True)), model)
    if not tally.truth:
        raise InputError(f"{data.path} has no readable picture with a name")
    scores, truth = np.concatenate(tally.scores), np.array(tally.truth)
    hits = {k: top_k_hits(scores, truth, k) for k in (1, 5)}
    intervals = {f"top{k}": bootstrap(one) for k, one in hits.items()}
    return ZeroShotReport(
        n=len(truth),
        top1=float(hits[1].mean()),
        top5=float(hits[5].mean()),
        classes=len(names),
        lang=lang,
        intervals={name: (one.low, one.high) for name, one in intervals.items()},
        unreadable=tuple(tally.unreadable),
        unnamed=tuple(tally.unnamed),
        model=model.provenance,
        seconds=round(time.monotonic() - started, 3),
    )


@dataclass
class _Tally:
    """scores: cosines with every class, a batch of pictures each; truth: class numbers."""

    scores: list[Floats] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return len(self.truth) + len(self.unreadable) + len(self.unnamed)


def _compare(
    data: Table, lang: Lang, classes: dict[str, Floats], model: DualTower
) -> Generator[Progress | Failed, None, _Tally]:
    tally = _Tally()
    number = {name: place for place, name in enumerate(classes)}
    table = np.stack([*classes.values()])
    total = len(data)
    for event in encode_pictures(data.rows(["image", COLUMNS[lang]], ["id"]), model):
        if isinstance(event, Failed):
            tally.unreadable.append(event.item.name)
            yield event
        else:
            named = [_name(row, lang) for row in event.rows]
            kept = [place for place, name in enumerate(named) if name]
            tally.scores.append(event.vectors[kept] @ table.T)
            tally.truth += [number[named[place]] for place in kept]
            tally.unnamed += [
                row.name for row, name in zip(event.rows, named, strict=True) if not name
            ]
        yield Progress(tally.done, total, "pictures")
    return tally


def _name(row: Row, lang: Lang) -> str:
    return (row.values[COLUMNS[lang]] or "").strip()


def _embed_classes(names: list[str], lang: Lang, model: DualTower) -> Floats:
    """float32 (names, d), of unit length."""
    sums = sum(
        np.concatenate(
            [
                model.embed_texts([template.format(name) for name in names[at : at + BATCH]])
                for at in range(0, len(names), BATCH)
            ]
        )
        for template in TEMPLATES[lang]
    )
    means = np.asarray(sums, np.float32)
    unit: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit

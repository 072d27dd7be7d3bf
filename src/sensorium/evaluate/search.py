"""How well pictures are found by sentences, and sentences by pictures."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.evaluate._encode import encode_pictures, encode_texts
from sensorium.evaluate._table import Row, Table
from sensorium.flow import Failed, Progress
from sensorium.metrics.interval import bootstrap
from sensorium.metrics.retrieval import mean_reciprocal_rank, median_rank, ranks, recall_at_k
from sensorium.results import Provenance
from sensorium.roles import DualTower, Floats
from sensorium.task import Range, task, use

T = TypeVar("T")
Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = ("en", "zh")
CUTS = (1, 5, 10)
_CELLS = 1 << 24  # similarities held at once

Figures = dict[str, dict[str, float]]
Bounds = dict[str, dict[str, tuple[float, float]]]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class SearchReport:
    """n: pictures searched. t2i, i2t: language → `R@1`, `R@5`, `R@10` (0 to 1), for words that
    look for pictures and pictures that look for words.

    ranks: direction → language → `median` (from 1) and `mrr` (0 to 1).
    intervals: the recalls' bounds that hold 95 % of resamples, drawn by picture.
    queries: direction → language → how many. without_captions: language → pictures left out of
    its queries (they are still searched). unreadable: rows left out of everything, by name.
    """

    n: int
    t2i: Figures
    i2t: Figures
    ranks: dict[str, Figures]
    intervals: dict[str, Bounds]
    queries: dict[str, dict[str, int]]
    without_captions: dict[str, int]
    unreadable: tuple[str, ...]
    model: Provenance
    seconds: float


@dataclass
class _Captions:
    """The sentences of one language, and the number of each one's picture."""

    texts: list[str] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)


@dataclass
class _Read:
    """What the file held. vectors: a batch of pictures each."""

    captions: dict[Lang, _Captions]
    vectors: list[Floats] = field(default_factory=list)
    pictures: int = 0
    unreadable: list[str] = field(default_factory=list)

    def add(self, row: Row, captions_per_image: int | None) -> None:
        for lang, captions in self.captions.items():
            texts = row.texts(f"captions_{lang}")[:captions_per_image]
            captions.texts += texts
            captions.owners += [self.pictures] * len(texts)
        self.pictures += 1


@task(example=["--data", "photos.parquet", "--json"])
def search(
    data: Table,
    *,
    lang: Annotated[Lang | None, "One language only."] = None,
    captions_per_image: Annotated[
        int | None, Range(1, 1000), "The first few captions of each picture; all by default."
    ] = None,
    model: DualTower = use("dual-tower"),
) -> Generator[Progress | Failed, None, SearchReport]:
    """Measure search: how often a sentence finds its picture, and a picture its sentences.

    The file has the columns `id`, `image` (an encoded picture of any size), `captions_en` and
    `captions_zh` (lists). Every caption is a query over all pictures; where a picture is the query,
    any of its own captions counts. Ties count against the model.
    """
    started = time.monotonic()
    langs = (lang,) if lang else LANGS
    read = yield from _read(data, langs, captions_per_image, model)
    places: dict[str, dict[str, _Scored]] = {"t2i": {}, "i2t": {}}
    pictures = np.concatenate(read.vectors)
    for one, captions in read.captions.items():
        if captions.texts:
            texts = yield from encode_texts(captions.texts, model, f"captions_{one}")
            owners = np.array(captions.owners)
            everything = np.arange(read.pictures)
            places["t2i"][one] = _scored(texts, owners, pictures, everything)
            places["i2t"][one] = _scored(
                pictures[np.unique(owners)], np.unique(owners), texts, owners
            )
    return _report(read, places, model.provenance, time.monotonic() - started)


def _read(
    data: Table, langs: tuple[Lang, ...], captions_per_image: int | None, model: DualTower
) -> Generator[Progress | Failed, None, _Read]:
    read = _Read({lang: _Captions() for lang in langs})
    rows = data.rows(["image"], ["id", *(f"captions_{lang}" for lang in langs)])
    total = len(data)
    for event in encode_pictures(rows, model):
        if isinstance(event, Failed):
            read.unreadable.append(event.item.name)
            yield event
        else:
            for row in event.rows:
                read.add(row, captions_per_image)
            read.vectors.append(event.vectors)
        yield Progress(read.pictures + len(read.unreadable), total, "pictures")
    if not any(captions.texts for captions in read.captions.values()):
        raise InputError(
            f"{data.path} has no picture with a caption",
            why=f"looked in {' and '.join(f'captions_{lang}' for lang in langs)}",
            hint=f"its columns are {', '.join(data.columns)}",
        )
    return read


@dataclass(frozen=True)
class _Scored:
    """places: each query's rank. pictures: the number of the picture that it belongs to."""

    places: Places
    pictures: Places


def _scored(queries: Floats, own: Places, candidates: Floats, owners: Places) -> _Scored:
    """Rank candidates by cosine for each query, some queries at a time; own[i] == owners[j] says
    that candidate j is right for query i."""
    step = max(1, _CELLS // len(candidates))
    parts = [
        ranks(
            queries[start : start + step] @ candidates.T,
            own[start : start + step, None] == owners[None, :],
        )
        for start in range(0, len(queries), step)
    ]
    return _Scored(np.concatenate(parts), own)


def _report(
    read: _Read, scored: dict[str, dict[str, _Scored]], model: Provenance, seconds: float
) -> SearchReport:
    def each(of: Callable[[_Scored], T]) -> dict[str, dict[str, T]]:
        return {way: {lang: of(one) for lang, one in scored[way].items()} for way in scored}

    recalls = each(_recalls)
    without: dict[str, int] = {
        lang: read.pictures - len({*captions.owners}) for lang, captions in read.captions.items()
    }
    return SearchReport(
        n=read.pictures,
        t2i=recalls["t2i"],
        i2t=recalls["i2t"],
        ranks=each(_ranks),
        intervals=each(_bounds),
        queries=each(lambda one: len(one.places)),
        without_captions=without,
        unreadable=tuple(read.unreadable),
        model=model,
        seconds=round(seconds, 3),
    )


def _recalls(scored: _Scored) -> dict[str, float]:
    return {f"R@{k}": recall_at_k(scored.places, k) for k in CUTS}


def _ranks(scored: _Scored) -> dict[str, float]:
    return {"median": median_rank(scored.places), "mrr": mean_reciprocal_rank(scored.places)}


def _bounds(scored: _Scored) -> dict[str, tuple[float, float]]:
    intervals = {f"R@{k}": bootstrap(scored.places <= k, scored.pictures) for k in CUTS}
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}

"""How well a search knows whether it found what was asked for; and the fit that makes it know."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from sensorium.errors import InputError
from sensorium.evaluate._encode import encode_pictures, encode_texts
from sensorium.evaluate._searches import Captioned, Measured, fit_and_measure
from sensorium.evaluate._table import Table
from sensorium.flow import Failed, Progress
from sensorium.index.relevance import FEATURES, LEAST, place_of
from sensorium.results import Provenance
from sensorium.roles import DualTower, Floats
from sensorium.task import task, use

LANGS = ("en", "zh")
_CAPTIONS = 2  # of a picture in each language
_FEWEST = 4 * LEAST  # pictures, so that every part still makes libraries


@dataclass(frozen=True)
class RelevanceReport:
    """n: pictures. measured: on the part that the fit has not seen; see `_searches.Measured`.
    cut_off, floor: the relevance from which a search says `found`, and below which it says
    `nothing`; between the two it is `unsure`. coefficients: of the logistic.
    unreadable: rows left out, by name. saved: where the fit was written, empty where it was not.
    """

    n: int
    measured: Measured
    cut_off: float
    floor: float
    coefficients: dict[str, float]
    unreadable: tuple[str, ...]
    saved: str
    model: Provenance
    seconds: float


@task(example=["--data", "photos.parquet", "--save"])
def relevance(
    data: Table,
    *,
    save: Annotated[bool, "keep the fit: searches with this model then use it"] = False,
    model: DualTower = use("dual-tower"),
) -> Generator[Progress | Failed, None, RelevanceReport]:
    """Fit and measure how probable it is that a search's best hit is what was asked for.

    The file has the columns `image` (an encoded picture of any size) and `captions_en` or
    `captions_zh` (lists), and 200 pictures at least. A part of the pictures is fitted on, and what
    is reported is measured on another.
    """
    started = time.monotonic()
    unreadable: list[str] = []
    captioned = yield from _read(data, model, unreadable)
    fitted, measured = fit_and_measure(captioned, model.provenance)
    place = place_of(model.provenance.revision)
    if save:
        replace(fitted, figures=measured.figures(data.path.name)).save(place)
    return RelevanceReport(
        n=len(captioned.pictures),
        measured=measured,
        cut_off=fitted.cut_off,
        floor=fitted.floor,
        coefficients=dict(zip(FEATURES, fitted.coefficients, strict=True)),
        unreadable=tuple(unreadable),
        saved=str(place) if save else "",
        model=model.provenance,
        seconds=round(time.monotonic() - started, 3),
    )


def _read(
    data: Table, model: DualTower, unreadable: list[str]
) -> Generator[Progress | Failed, None, Captioned]:
    columns = [f"captions_{lang}" for lang in LANGS]
    pictures: list[Floats] = []
    texts, owners, count = list[str](), list[int](), 0
    for event in encode_pictures(data.rows(["image"], ["id", *columns]), model):
        if isinstance(event, Failed):
            unreadable.append(event.item.name)
            yield event
            continue
        pictures.append(event.vectors)
        for row in event.rows:
            for column in columns:
                said = row.texts(column)[:_CAPTIONS]
                texts += said
                owners += [count] * len(said)
            count += 1
        yield Progress(count + len(unreadable), len(data), "pictures")
    if len(set(owners)) < _FEWEST:
        raise InputError(
            f"{data.path} is too small",
            why=f"{len(set(owners))} of its pictures have captions, {_FEWEST} are wanted",
            hint=f"captions are looked for in {' and '.join(columns)}",
        )
    sentences = yield from encode_texts(texts, model, "sentences")
    return Captioned(np.concatenate(pictures), sentences, np.array(owners))

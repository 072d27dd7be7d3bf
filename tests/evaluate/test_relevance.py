import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.evaluate._searches import Captioned, fit_and_measure, search
from sensorium.index.relevance import relevance_of
from sensorium.results import Provenance
from sensorium.roles import Floats

relevance = EVALUATIONS["relevance"]
MODEL = Provenance("dir:made-up", "1")


def space(pictures: int, noise: float, seed: int = 0) -> Captioned:
    """Pictures of topics, and two sentences about each; pictures and sentences lie apart, and some
    pictures are hubs."""
    random = np.random.default_rng(seed)
    topics = random.normal(size=(pictures, 64))
    towards_all = random.normal(size=64)
    apart = 2 * random.normal(size=64)
    owners = np.arange(pictures).repeat(2)
    hubs = random.gamma(1, 0.1, size=(pictures, 1)) * towards_all
    sentences = topics[owners] + noise * random.normal(size=(len(owners), 64)) + 0.2 * towards_all
    return Captioned(unit(topics + hubs + apart), unit(sentences - apart), owners)


def unit(rows: Any) -> Floats:
    made: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def test_relevance_means_what_it_says() -> None:
    fitted, measured = fit_and_measure(space(400, 0.7), MODEL)
    assert measured.auroc > 0.9
    assert measured.ece < 0.04
    assert measured.false_alarms < 0.08
    assert measured.recall > 0.5
    assert (measured.smallest, fitted.bank.shape[1]) == (50, 64)
    assert measured.largest <= 349


def test_where_nothing_can_be_known_nothing_is_claimed() -> None:
    _, measured = fit_and_measure(space(300, 30), MODEL)
    assert 0.35 < measured.auroc_there < 0.65
    assert measured.ece < 0.04
    assert measured.recall < 0.2


def test_every_sentence_is_asked_with_and_without_its_picture() -> None:
    captioned = space(120, 0.01)
    searches = search(captioned, np.arange(120), captioned.sentences[:20], np.random.default_rng(0))
    assert searches.there.sum() == len(captioned.owners) == len(searches.there) // 2
    assert not searches.right[~searches.there].any()
    assert searches.right[searches.there].mean() > 0.9
    assert searches.sizes.min() >= 50
    assert searches.sizes.max() < 120


def test_a_data_file(
    write: Callable[..., Path], tower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    colours = np.random.default_rng(0).integers(0, 256, size=(240, 3))
    data = write(
        image=[plain(colour) for colour in colours],
        captions_en=[[f"{r} red {g} green {b} blue", f"{r} red {g} green"] for r, g, b in colours],
    )
    report = relevance(data, save=True, model=tower)
    assert report.n == 240
    assert report.measured.searches == 420
    found = relevance_of(tower.provenance)
    assert found is not None
    assert Path(report.saved).is_file()
    assert found.cut_off == pytest.approx(report.cut_off)
    assert found.figures is not None
    assert found.figures.data == "data.parquet"


def plain(colour: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), tuple(map(int, colour))).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_model_that_finds_nothing(
    write: Callable[..., Path], picture: Callable[..., bytes], tower: Any
) -> None:
    """Pictures that are all one, so that the right one is never the first."""
    data = write(image=[picture("red")] * 240, captions_en=[["red"]] * 240)
    with pytest.raises(InputError, match="cannot be fitted"):
        relevance(data, model=tower)


def test_too_few_pictures(
    write: Callable[..., Path], picture: Callable[..., bytes], tower: Any
) -> None:
    data = write(image=[picture("red")] * 10, captions_en=[["red"]] * 10)
    with pytest.raises(InputError, match="too small"):
        relevance(data, model=tower)

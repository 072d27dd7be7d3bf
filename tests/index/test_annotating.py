"""What annotators find is kept by content, and words that were read can be found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorium.errors import InputError
from sensorium.index import Index
from sensorium.index.annotating import Annotator, annotating
from sensorium.media import Image, Video
from sensorium.results import Box, Boxes, Result, Scores

Paint = Callable[..., Path]


class Redness:
    """A real small annotator: how red a picture is. Counts its runs."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def __call__(self, media: Image | Video) -> Result:
        self.runs.append(media.name)
        pixels = media.pixels()
        if pixels[..., 2].mean() > 200:
            raise InputError(media.name, "it is too blue to tell")
        red = float(pixels[..., 0].mean() / max(1.0, pixels.sum(axis=2).mean()))
        return Scores(item=media.name, scores={"red": red, "else": 1 - red})


def brightest_quarter(media: Image | Video) -> Result:
    pixels = media.pixels()
    height, width = pixels.shape[:2]
    box = Box((0.0, 0.0, width / 2, height / 2), "红色 STOP sign", 0.9)
    return Boxes(item=media.name, size=(width, height), boxes=(box,))


def notes(index: Index) -> list[tuple[str, str]]:
    return index.store.db.execute("SELECT result, reason FROM notes ORDER BY rowid").fetchall()


def test_every_content_is_annotated_once(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png", (200, 30, 30))
    paint(folder / "copy of a.png", (200, 30, 30))
    paint(folder / "b.png", (10, 20, 250))
    redness = Redness()
    one = Annotator("redness", "ours@1", redness)
    index.add(folder, model=tower, annotators=[one])
    assert len(redness.runs) == 2
    kept = sorted(notes(index))
    assert kept[0] == ("", "it is too blue to tell")
    result = Result.from_json(kept[1][0])
    assert isinstance(result, Scores) and result.best == "red"
    index.add(folder, model=tower, annotators=[one])
    assert len(redness.runs) == 2
    index.add(folder, model=tower, annotators=[Annotator("redness", "ours@2", redness)])
    assert len(redness.runs) == 4


def test_words_that_were_read_are_found_where_they_stand(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png")
    for spec in ("reader@1", "reader@2"):  # the later reading takes the place of the earlier
        index.add(folder, model=tower, annotators=[Annotator("read", spec, brightest_quarter)])
    rows = index.store.db.execute(
        'SELECT l.text, l.source, l."left", l.top, l."right", l.bottom, i.path FROM words w'
        " JOIN lines l ON l.id = w.rowid JOIN spans s ON s.id = l.span"
        " JOIN items i ON i.content = s.content WHERE words MATCH 'stop'"
    ).fetchall()
    expected = ("红色 STOP sign", "read", 0.0, 0.0, 32.0, 32.0, str(folder / "a.png"))
    assert rows == [expected]
    count = index.store.db.execute("SELECT count(*) FROM words")
    assert count.fetchone() == (1,)


def test_videos_are_annotated_scene_by_scene(
    index: Index, folder: Path, film: Callable[[Path, int], Path], tower: Any
) -> None:
    film(folder / "a.mp4", 3)
    redness = Redness()
    index.add(folder, model=tower, annotators=[Annotator("redness", "ours", redness)])
    spans = [row[0] for row in index.store.db.execute("SELECT id FROM spans ORDER BY id")]
    noted = [row[0] for row in index.store.db.execute("SELECT span FROM notes ORDER BY span")]
    assert len(redness.runs) == len(spans) == 3 and noted == spans


def test_an_interrupted_pass_goes_on(index: Index, folder: Path, paint: Paint, tower: Any) -> None:
    for seed in range(1, 6):
        paint(folder / f"{seed}.png", seed=seed)
    index.add(folder, model=tower)
    redness = Redness()
    run = annotating(index.store, [Annotator("redness", "ours", redness)])
    for event in run:
        if event.done == 3:
            break
    run.close()
    assert len(notes(index)) == 3
    list(annotating(index.store, [Annotator("redness", "ours", redness)]))
    assert len(notes(index)) == 5 and len(redness.runs) == 5


def test_an_interrupt_within_an_annotator_keeps_the_others(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png", seed=1)
    paint(folder / "b.png", seed=2)

    def interrupt(media: Image | Video) -> Result:
        if media.name.endswith("b.png"):
            raise KeyboardInterrupt
        return Scores(item=media.name, scores={"fine": 1.0})

    with pytest.raises(KeyboardInterrupt):
        index.add(folder, model=tower, annotators=[Annotator("fine", "x", interrupt)])
    ((kept, reason),) = notes(index)
    assert json.loads(kept)["scores"] == {"fine": 1.0} and reason == ""

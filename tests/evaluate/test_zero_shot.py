from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.evaluate.zero_shot import TEMPLATES
from sensorium.flow import Failed, Progress
from sensorium.results.codec import encode

Write = Callable[..., Path]
Draw = Callable[..., bytes]
zero_shot = EVALUATIONS["zero-shot"]


@pytest.fixture
def data(write: Write, picture: Draw) -> Path:
    """The orange picture is called green; it is nearer to red. One is broken, one has no name."""
    return write(
        id=list("abcdef"),
        name=["red", "green", "green", "blue", "blue", None],
        name_zh=["red", "green", "2 red 1 green", "blue", "blue", "blue"],
        image=[
            picture("red"),
            picture("green", 300, 7),
            picture("orange"),
            picture("blue"),
            b"broken",
            picture("red"),
        ],
    )


def test_top1_is_what_the_geometry_says(data: Path, tower: Any) -> None:
    report = zero_shot(data, model=tower)
    assert (report.n, report.classes) == (4, 3)
    assert (report.top1, report.top5) == (0.75, 1.0)
    assert report.unreadable == ("row 4 (e)",)
    assert report.unnamed == ("row 5 (f)",)
    low, high = report.intervals["top1"]
    assert low <= 0.75 <= high


def test_the_other_language_has_its_own_names_and_sentences(data: Path, tower: Any) -> None:
    report = zero_shot(data, lang="zh", model=tower)
    assert (report.n, report.classes, report.lang) == (5, 4, "zh")
    assert report.top1 == 0.8  # the red picture that is called blue
    assert TEMPLATES["zh"][0].format("blue") in tower.texts


def test_events(data: Path, tower: Any) -> None:
    events = list(zero_shot.stream(data, model=tower))
    assert [event.item.name for event in events if isinstance(event, Failed)] == ["row 4 (e)"]
    assert Progress(6, 6, "pictures") in events
    assert encode(events[-1])["top1"] == 0.75


def test_one_class_is_no_choice(write: Write, picture: Draw, tower: Any) -> None:
    with pytest.raises(InputError, match="1 classes"):
        zero_shot(write(name=["red"], image=[picture("red")]), model=tower)


def test_nothing_readable(write: Write, tower: Any) -> None:
    with pytest.raises(InputError, match="no readable picture"):
        zero_shot(write(name=["red", "blue"], image=[b"", b"no"]), model=tower)

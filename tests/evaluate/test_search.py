from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.evaluate import EVALUATIONS
from sensorium.flow import Failed, Progress
from sensorium.results.codec import encode

Write = Callable[..., Path]
Draw = Callable[..., bytes]
search = EVALUATIONS["search"]


@pytest.fixture
def data(write: Write, picture: Draw) -> Path:
    """Four pictures. Orange is (2, 1, 0), so “2 red 1 green” is nearest to it."""
    return write(
        id=["r", "g", "b", "o"],
        image=[
            picture("red"),
            picture("green", 5, 300),
            picture("blue", 700, 20),
            picture("orange"),
        ],
        captions_en=[
            ["red", "2 red 1 green"],
            ["green"],
            ["1 blue 1 green"],
            ["4 red 1 green"],
        ],
        captions_zh=[["red"], [], None, ["red", " "]],
    )


def test_recall_is_what_the_geometry_says(data: Path, tower: Any) -> None:
    report = search(data, model=tower)
    # Words: red 1, “2 red 1 green” 2 (orange is nearer), green 1, blue 2 (a tie with green), orange
    # 1. Pictures: orange is nearer to red's second caption than to its own.
    assert report.n == 4
    assert report.t2i["en"] == {"R@1": 0.6, "R@5": 1.0, "R@10": 1.0}
    assert report.i2t["en"] == {"R@1": 0.75, "R@5": 1.0, "R@10": 1.0}
    assert report.ranks["t2i"]["en"] == {"median": 1.0, "mrr": pytest.approx(0.8)}
    assert report.queries == {"t2i": {"en": 5, "zh": 2}, "i2t": {"en": 4, "zh": 2}}
    # “red” twice: it finds red first; as candidates the two are alike, and that counts against us.
    assert report.t2i["zh"]["R@1"] == 0.5
    assert report.i2t["zh"]["R@1"] == 0.0
    assert report.without_captions == {"en": 0, "zh": 2}
    assert report.model == tower.provenance


def test_the_first_captions_alone(data: Path, tower: Any) -> None:
    report = search(data, lang="en", captions_per_image=1, model=tower)
    assert report.t2i == {"en": {"R@1": 0.75, "R@5": 1.0, "R@10": 1.0}}
    assert report.i2t == {"en": {"R@1": 1.0, "R@5": 1.0, "R@10": 1.0}}
    assert "2 red 1 green" not in tower.texts


def test_unreadable_rows_are_named_and_left_out(write: Write, picture: Draw, tower: Any) -> None:
    path = write(
        id=["r", "broken", "none", "g"],
        image=[picture("red"), b"\xff\xd8\xff nothing", None, picture("green")],
        captions_en=[["red"], ["blue"], ["blue"], ["green"]],
    )
    events = list(search.stream(path, model=tower))
    failed = [str(event.error) for event in events if isinstance(event, Failed)]
    report = events[-1]
    assert [text.split(" is left out")[0] for text in failed] == ["row 1 (broken)", "row 2 (none)"]
    assert report.unreadable == ("row 1 (broken)", "row 2 (none)")
    assert (report.n, report.t2i["en"]["R@1"], report.i2t["en"]["R@1"]) == (2, 1.0, 1.0)
    assert "blue" not in tower.texts
    assert "zh" not in report.t2i
    counted = [event for event in events if isinstance(event, Progress)]
    assert Progress(4, 4, "pictures") in counted
    assert counted[-1] == Progress(2, 2, "captions_en")


def test_random_geometry_gives_naive_recall(write: Write, picture: Draw, tower: Any) -> None:
    random = np.random.default_rng(0)
    colours = ["red", "green", "blue", "orange", "grey"] * 9
    captions = [[f"{a} red {b} green {c} blue"] for a, b, c in random.integers(1, 9, (45, 3))]
    path = write(image=[picture(one) for one in colours], captions_en=captions)
    report = search(path, model=tower)
    pictures = tower.encode_images(
        np.concatenate([np.full((1, 3, 4, 4), 0, np.float32) + _mean(one) for one in colours])
    )
    near = tower.embed_texts([own[0] for own in captions]) @ pictures.T
    places = [1 + sum(row[j] >= row[i] for j in range(45) if j != i) for i, row in enumerate(near)]
    expected = {f"R@{k}": sum(place <= k for place in places) / 45 for k in (1, 5, 10)}
    assert report.t2i["en"] == pytest.approx(expected)
    for name, (low, high) in report.intervals["t2i"]["en"].items():
        assert low <= expected[name] <= high


def _mean(colour: str) -> Any:
    values = {
        "red": (255, 0, 0),
        "green": (0, 255, 0),
        "blue": (0, 0, 255),
        "orange": (240, 120, 0),
        "grey": (90, 90, 90),
    }
    return np.array(values[colour], np.float32)[None, :, None, None] / 255


def test_the_report_is_json(data: Path, tower: Any) -> None:
    report = encode(search(data, model=tower))
    assert report["n"] == 4
    assert report["t2i"]["en"]["R@1"] == 0.6
    assert report["i2t"]["zh"]["R@10"] == 1.0
    assert report["model"]["model"] == "dir:colours"


@pytest.mark.parametrize("captions", [[[], []], [None, [" "]]])
def test_no_caption_at_all(write: Write, picture: Draw, tower: Any, captions: Any) -> None:
    path = write(image=[picture("red"), picture("blue")], captions_zh=captions)
    with pytest.raises(InputError, match="no picture with a caption"):
        search(path, model=tower)


def test_a_file_without_pictures_is_refused(write: Write, tower: Any) -> None:
    with pytest.raises(InputError, match="no column image"):
        search(write(captions_en=[["red"]]), model=tower)


def test_closing_the_stream_stops_it(data: Path, tower: Any) -> None:
    events = search.stream(data, model=tower)
    assert isinstance(next(events), Progress)
    events.close()
    assert tower.texts == []

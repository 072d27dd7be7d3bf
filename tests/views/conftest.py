"""One of each result, over real small files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sensorium.media import Span
from sensorium.results import (
    AnyResult,
    Box,
    Boxes,
    Carrier,
    Evidence,
    Grid,
    Hit,
    Hits,
    Reason,
    Row,
    Scores,
    Timeline,
    Vectors,
)


@dataclass(frozen=True)
class Shown:
    """hits: a picture, a text, one that is gone, one with a name that would steer a terminal."""

    hits: Hits
    scores: Scores
    vectors: Vectors
    boxes: Boxes
    timeline: Timeline

    @property
    def all(self) -> tuple[AnyResult, ...]:
        return (self.hits, self.scores, self.vectors, self.boxes, self.timeline)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "half.png"
    halves = Image.new("RGB", (80, 60), (255, 0, 0))
    halves.paste((0, 0, 255), (0, 30, 80, 60))
    halves.save(path)
    return path


def read_timeline() -> Timeline:
    """Two cues of three seconds: one happy, one in which nothing stands out."""
    happy = {"happiness": 0.75, "anger": 0.25}
    torn = {"happiness": 0.5, "anger": 0.5}
    evidence = (
        Evidence("text", 0, 1, "I <i>love</i> \x1b[31mthis", "en", "happiness", happy,
                 {"positive": 0.9, "negative": 0.1}, 0.8, (Carrier(5, 9, 0.6),)),
        Evidence("text", 2, 3, "随便吧", "zh", "unknown", torn, {}, 0.0),
    )  # fmt: skip
    row = Row({"happiness": (0.75, 0.0, 0.5), "anger": (0.25, 0.0, 0.5)}, (True, False, True))
    return Timeline(
        item="talk <b>.srt",
        grid=Grid("seconds", 1.0, 3),
        labels=("happiness", "anger"),
        rows={"fused": row, "text": row},
        evidence=evidence,
        notes=("a reading of signs",),
    )


@pytest.fixture
def shown(picture: Path) -> Shown:
    gone = Path("/nowhere")
    hits = (
        Hit(
            picture,
            "image",
            0.31,
            relevance=0.9,
            duplicates=(gone / "copy.png",),
            moments=(Span(5, 7),),
            why=(Reason("words in the picture", text="A & B <i>"),),
        ),
        Hit(gone / "talk.srt", "text", 0.2, Span(3, 5.5), text="what <b>was</b> said"),
        Hit(gone / "evil\x1b[31m<img>.png", "image", 0.1, relevance=0.2),
        Hit(gone / "film.mp4", "video", 0.1, Span(61, 75), why=(Reason("name"),)),
    )
    return Shown(
        hits=Hits(query="a <query>", hits=hits, searched=1234, verdict="found"),
        scores=Scores(item=str(picture), scores={"red <half>": 0.75, "蓝": 0.25}),
        vectors=Vectors(ids=("a\x1b", "b"), values=np.eye(2, 8, dtype=np.float32)),
        boxes=Boxes(item=str(picture), size=(80, 60), boxes=(Box((10, 10, 40, 30), "出口", 0.5),)),
        timeline=read_timeline(),
    )

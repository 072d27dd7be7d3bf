"""What is felt in a library: kept by scene, searched by, and forgotten without a trace."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.errors import Busy, InputError
from sensorium.index import Index
from sensorium.index.annotating import WholeAnnotator
from sensorium.index.felt import felt_in
from sensorium.index.filter import Filter
from sensorium.media import Image, Kind, Media, Span, Text, Video
from sensorium.results import Evidence, Grid, Result, Row, Timeline
from sensorium.results.timeline import EMOTIONS, LEAST, Emotion

Paint = Callable[..., Path]
MARK = "a-mark-nobody-else-writes"
BOX = (11.0, 13.0, 29.0, 31.0)


class Feeling:
    """A real small reader: red is anger, green happiness; of a video second by second, of a text by
    its words. Counts its runs."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def __call__(self, media: Media) -> Result:
        self.runs.append(Path(media.name).name)
        match media:
            case Image():
                angry = [_anger(media.pixels())]
            case Video():
                angry = [_anger(media.frame(at + 0.5)) for at in range(6)]
            case Text():
                angry = [float("angry" in media.words)]
            case _:
                raise InputError(media.name, "it makes no sound")
        face = isinstance(media, Image)
        evidence = Evidence(
            "face" if face else "text", 0, 1, "" if face else MARK, "", MARK, {MARK: 1.0}, {}, 0.0,
            box=BOX if face else None,
        )  # fmt: skip
        row = Row(
            {"anger": tuple(angry), "happiness": tuple(1 - one for one in angry)},
            (True,) * len(angry),
        )
        return Timeline(
            item=media.name,
            grid=Grid("seconds", 1.0, len(angry)),
            labels=("anger", "happiness"),
            rows={"fused": row, "face": row},
            evidence=(evidence,),
            notes=(MARK,),
        )


def _anger(pixels: Any) -> float:
    red, green = (float(pixels[..., at].mean()) for at in (0, 1))
    return red / (red + green)


def feeling(run: Feeling, spec: str = "feelings@1") -> WholeAnnotator:
    return WholeAnnotator("emotion", spec, run, (Kind.IMAGE, Kind.VIDEO, Kind.TEXT), felt_in)


@pytest.fixture
def felt(index: Index, folder: Path, paint: Paint, tower: Any) -> Feeling:
    paint(folder / "red.png", (200, 20, 30))
    paint(folder / "green.png", (20, 200, 30))
    (folder / "letter.txt").write_text("They were angry with the red colour.")
    run = Feeling()
    index.add(folder, model=tower, annotators=[feeling(run)])
    return run


def names(index: Index, tower: Any, query: str, *emotions: Emotion) -> list[str]:
    hits = index.search(query, model=tower, chosen=Filter(emotions=emotions), k=20)
    return sorted(hit.path.name for hit in hits.hits)


def test_the_emotions_are_those_of_a_timeline() -> None:
    assert get_args(Emotion) == EMOTIONS


def test_a_file_is_read_once(index: Index, folder: Path, felt: Feeling, tower: Any) -> None:
    assert sorted(felt.runs) == ["green.png", "letter.txt", "red.png"]
    index.add(folder, model=tower, annotators=[feeling(felt)])
    assert len(felt.runs) == 3
    index.add(folder, model=tower, annotators=[feeling(felt, "feelings@2")])
    assert len(felt.runs) == 6
    specs = index.store.db.execute("SELECT DISTINCT spec FROM notes").fetchall()
    assert specs == [("feelings@2",)]  # what an older model said is not kept


def test_files_in_which_an_emotion_was_found_are_counted(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "red.png", (200, 20, 30))
    (folder / "copy.png").write_bytes((folder / "red.png").read_bytes())
    paint(folder / "brown.png", (120, 120, 30))  # nothing stands out

    def torn(media: Media) -> Result:
        assert isinstance(media, Image)
        anger = min(_anger(media.pixels()), 0.9)
        row = Row({"anger": (anger if anger > 0.6 else 0.3,)}, (True,))
        return Timeline(
            item="", grid=Grid("seconds", 1.0, 1), labels=("anger",), rows={"fused": row}
        )

    assert index.add(folder, model=tower).felt is None and index.info().felt is None
    one = WholeAnnotator("emotion", "torn", torn, (Kind.IMAGE,), felt_in)
    assert index.add(folder, model=tower, annotators=[one]).felt == 1
    assert index.info().felt == 2  # with the copy
    assert index.add(folder, model=tower, annotators=[one]).felt is None
    index.forget_people()
    assert index.info().felt is None


def test_a_search_by_emotion(index: Index, felt: Feeling, tower: Any) -> None:
    assert names(index, tower, "red", "anger") == ["letter.txt", "red.png"]
    assert names(index, tower, "red", "happiness") == ["green.png"]
    assert len(names(index, tower, "red", "anger", "happiness")) == 3
    assert names(index, tower, "red", "fear") == []


def test_a_library_without_emotions_says_so(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png")
    index.add(folder, model=tower)
    with pytest.raises(InputError) as told:
        names(index, tower, "red", "anger")
    assert told.value.hint == "sensorium index --library default --with emotion"


def film(path: Path) -> None:
    """Three scenes of two seconds: red, bright green, red."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for at in range(60):
            pixels = np.full(
                (64, 64, 3), (60, 220, 60) if at // 20 == 1 else (150, 10, 10), np.uint8
            )
            pixels[: 20 + at // 20 * 8] = pixels[0, 0] // 2
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))


def test_of_a_video_the_scenes_are_found(index: Index, folder: Path, tower: Any) -> None:
    film(folder / "a.mp4")
    index.add(folder, model=tower, annotators=[feeling(Feeling())])
    notes = index.store.db.execute("SELECT span, result FROM notes ORDER BY span").fetchall()
    labels = [Result.from_json(result).evidence[0].label for _, result in notes]  # type: ignore[attr-defined]
    assert len(labels) == 3 and len(set(labels)) == 2
    for label in ("anger", "happiness"):
        hits = index.search("red", model=tower, chosen=Filter(emotions=(label,)), k=20)
        (hit,) = hits.hits
        spans = [hit.span, *hit.moments]
        rows = index.store.db.execute("SELECT id, start, stop FROM spans").fetchall()
        allowed = {
            Span(start, stop)
            for (id, start, stop), own in zip(rows, labels, strict=True)
            if own == label
        }
        assert set(spans) <= allowed


def test_what_is_forgotten_leaves_no_trace(
    index: Index, home: Path, folder: Path, felt: Feeling, tower: Any
) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert MARK.encode() in b"".join(path.read_bytes() for path in files)
    assert index.forget_people() == 3
    for path in (path for path in home.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert MARK.encode() not in data and b"happiness" not in data, path.name
        assert b"[11.0,13.0" not in data and b'"box"' not in data, path.name
    assert names(index, tower, "red") == ["green.png", "letter.txt", "red.png"]
    assert index.forget_people() == 0


def test_what_somebody_reads_is_told(index: Index, home: Path, felt: Feeling) -> None:
    """A reader keeps the old pages: it is said that they are still there."""
    index.store.db.execute("PRAGMA busy_timeout = 100")
    with Index(home=home) as other:
        other.store.db.execute("BEGIN")
        other.store.db.execute("SELECT count(*) FROM notes").fetchone()
        with pytest.raises(Busy):
            index.forget_people()
        other.store.db.execute("COMMIT")
    index.forget_people()
    assert MARK.encode() not in (home / "libraries/default/library.sqlite").read_bytes()


def test_a_failure_is_kept_and_passed_by(
    index: Index, folder: Path, paint: Paint, tower: Any
) -> None:
    paint(folder / "a.png", (200, 20, 30))
    paint(folder / "b.png", (20, 200, 30))

    def picky(media: Media) -> Result:
        if media.name.endswith("b.png"):
            raise InputError(media.name, "it is too green")
        return Feeling()(media)

    one = WholeAnnotator("emotion", "picky", picky, (Kind.IMAGE,), felt_in)
    index.add(folder, model=tower, annotators=[one])
    assert ("", "it is too green") in index.store.db.execute(
        "SELECT result, reason FROM notes"
    ).fetchall()
    assert names(index, tower, "red", "anger") == ["a.png"]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=30),
    st.floats(0, 20),
    st.floats(0.1, 20),
)
def test_a_span_has_the_mean_of_its_steps(
    values: list[float | None], start: float, length: float
) -> None:
    chances = {
        "anger": tuple(one or 0.0 for one in values),
        "fear": tuple(0.0 if one is None else 1 - one for one in values),
    }
    row = Row(chances, tuple(one is not None for one in values))
    timeline = Timeline(
        item="x", grid=Grid("seconds", 1.0, len(values)), labels=("anger", "fear"),
        rows={"fused": row},
    )  # fmt: skip
    kept = felt_in(timeline, Span(start, start + length))
    (whole,) = kept.evidence
    inside = [values[at] for at in timeline.grid.steps(start, start + length)]
    seen = [one for one in inside if one is not None]
    assert kept.rows["fused"].seen == (bool(seen),)
    if seen:
        assert whole.emotion["anger"] == pytest.approx(sum(seen) / len(seen), abs=1e-4)
    best = max(whole.emotion.values(), default=0.0)
    assert (whole.label == "unknown") == (best < LEAST)

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from sensorium.errors import NotFound
from sensorium.index import Index, Query, libraries
from sensorium.index.filter import Filter, Near
from sensorium.media import Kind, Text
from sensorium.models import open as open_model
from sensorium.results import Hits
from sensorium.results.timeline import Emotion
from sensorium.roles import DualTower
from sensorium.task import Opened, Range, opens, task


def existing(name: str) -> Index | None:
    """A search must not make a library."""
    return Index(name) if name in libraries() else None


OWN: Any = Opened(
    lambda spec: open_model(spec, DualTower) if spec else None,
    kind="model",
    default="the one that indexed the library",
)


@task(example=["a dog on the grass", "-k", "5"])
def search(
    query: Annotated[Query, "Words, a picture, or several terms with + and - between them."],
    *,
    k: Annotated[int, Range(1, 1000), "How many hits at most."] = 20,
    kind: Annotated[tuple[Kind, ...], "Only this kind; may be repeated."] = (),
    since: Annotated[date | None, "Taken on this day or later."] = None,
    until: Annotated[date | None, "Taken on this day or earlier."] = None,
    near: Annotated[Near | None, "Taken about a place: latitude,longitude,kilometres."] = None,
    camera: Annotated[str, "Part of the camera's name."] = "",
    path: Annotated[str, "A glob over paths: 'holidays/*'."] = "",
    emotion: Annotated[
        tuple[Emotion, ...], "Only what reads as this (index --with emotion); may be repeated."
    ] = (),
    min_score: Annotated[float, Range(-1, 1), "Cosine that a hit must have."] = -1.0,
    among: Annotated[Path | None, "Search the lines of this text file, no library."] = None,
    library: Annotated[Index | None, "Name of the library."] = opens(existing, "default"),
    model: DualTower | None = OWN,
) -> Hits:
    """Find pictures, moments of videos and passages of text by words, by a picture, or by both.

    Terms may be added and subtracted: `photo.jpg + "at night" - people`, and weighted:
    `0.5:photo.jpg`. `clip.mp4@12s` is one frame of a video; `@-` is what comes on stdin.
    """
    if among is not None:
        return _among(query, among, model or open_model(None, DualTower), k, min_score)
    if library is None:
        known = libraries()
        raise NotFound(
            "there is no such library",
            why=f"there are: {', '.join(known)}" if known else "nothing was indexed yet",
            hint=f"--library {known[0]}" if known else "sensorium index ~/Pictures",
        )
    chosen = Filter(kind, since, until, near, camera, path, emotion)
    return library.search(query, k=k, chosen=chosen, min_score=min_score, model=model)


def _among(query: Query, path: Path, model: DualTower, k: int, least: float) -> Hits:
    """The nearest passages of a text file, by cosine."""
    from sensorium.index.search import among  # late: it brings FAISS, which help has no use for

    text = Text.of(path, Text)
    assert isinstance(text, Text)
    lines = (passage.text for passage in text.passages())
    return among(model, query, lines, path, k=k, min_score=least)

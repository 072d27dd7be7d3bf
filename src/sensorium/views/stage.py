"""The item itself on the page of a timeline: the video, the sound or the picture, and its faces."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image as Pil

from sensorium.errors import SensoriumError
from sensorium.media import Audio, Image, Media, Video
from sensorium.media.moments import read_moments
from sensorium.media.preview import playable
from sensorium.media.video import probe
from sensorium.results import Evidence, Timeline
from sensorium.views import feelings
from sensorium.views.said import name, said
from sensorium.views.thumbnail import jpeg

PICTURE = 1280
"""Pixels of the longer side of a picture."""
CROPS, CROP = 96, 96
"""Faces that are cut out at most, and the pixels of one's side."""
_AROUND = 0.25  # of a face's side that is shown beyond its box
_NAMED = 4  # faces of a picture that bear what they feel; of more, their numbers in the list
_NEAR = 0.25  # seconds from the moment of a box at which it is drawn over a video


@dataclass(frozen=True)
class Stage:
    """What could be had of an item. html: empty where nothing could. crops: of evidence by its
    place, as data of a JPEG. plays: there is a clock; begin: what its zero is, in seconds.
    linked: the page plays a file that lies beside it."""

    media: Image | Video | Audio | None = None
    html: str = ""
    crops: dict[int, str] = field(default_factory=dict)
    plays: bool = False
    begin: float = 0.0
    linked: bool = False


def stage(timeline: Timeline, folder: Path | None) -> Stage:
    """folder: where the page will lie, for the way to what is too long to stand in it.

    Words alone have nothing to show; where anything else cannot be had, a line says why.
    """
    try:
        match Media.of(timeline.item, Image, Video, Audio):
            case Image() as media:
                return _photo(media, timeline)
            case Video() as media:
                return _video(media, timeline, folder)
            case Audio() as media:
                return _sound(media, folder)
    except SensoriumError as error:
        words_alone = timeline.rows.keys() <= {"fused", "text"}
        return Stage() if words_alone else Stage(html=_unseen(error))
    return Stage()


def _unseen(error: SensoriumError) -> str:
    told = said(f"It cannot be shown: {error}.", f"无法显示：{error}。")
    return f'<p class="soft">{told}</p>'


def _photo(media: Image, timeline: Timeline) -> Stage:
    picture = Pil.fromarray(media.pixels())
    crops = {at: _cut(picture, one, 1.0) for at, one in _chosen(timeline.evidence)}
    faces = [(at, one) for at, one in enumerate(timeline.evidence, 1) if one.box]
    many = len(faces) > _NAMED
    boxes = "".join(_box(one, picture.size, str(at) if many else _felt(one)) for at, one in faces)
    small = picture.copy()
    small.thumbnail((PICTURE, PICTURE))
    alt = f'alt="{escape(Path(media.name).name)}" width="{small.width}" height="{small.height}"'
    html = f'<div class="felt-frame"><img {alt} src="{_data(small)}">{boxes}</div>'
    return Stage(media, html, crops)


def _video(media: Video, timeline: Timeline, folder: Path | None) -> Stage:
    assert isinstance(media.source, Path)
    facts = probe(media.source)
    size = (facts.width, facts.height)
    boxes = "".join(_box(one, size, _felt(one), timed=True) for one in timeline.evidence)
    source, linked = _source(media, folder)
    ratio = f'style="aspect-ratio:{facts.width}/{facts.height}"'
    player = (
        f'<video class="felt-media" controls playsinline preload="auto" {ratio} {source}></video>'
    )
    html = f'<div class="felt-frame">{player}{boxes}</div>{_beside(linked)}'
    crops = dict(_faces(media, timeline, size))
    return Stage(media, html, crops, True, _begin(media, linked), linked)


def _sound(media: Audio, folder: Path | None) -> Stage:
    source, linked = _source(media, folder)
    html = f'<audio class="felt-media" controls preload="auto" {source}></audio>{_beside(linked)}'
    return Stage(media, html, {}, True, _begin(media, linked), linked)


def _begin(media: Video | Audio, linked: bool) -> float:
    return media.span.start if media.span and not linked else 0.0


def _source(media: Video | Audio, folder: Path | None) -> tuple[str, bool]:
    """What stands in `src`: the data of what can be played, else the way to the file."""
    if (found := playable(media)) is not None:
        data = base64.b64encode(found.data).decode()
        return f'src="data:{found.type};base64,{data}"', False
    if media.path is None:
        return "", True
    return f'src="{escape(_way(media.path, folder))}"', True


def _way(path: Path, folder: Path | None) -> str:
    """From the page to a file: relative where they may move together."""
    path = path.absolute()
    if folder is not None and path.is_relative_to(folder.absolute()):
        return quote(relpath(path, folder.absolute()).replace("\\", "/"))
    return path.as_uri()


def _beside(linked: bool) -> str:
    if not linked:
        return ""
    told = said(
        "Too long to stand in this page: it is played from its file.",
        "太长，未放入本页：从原文件播放。",
    )
    return f'<p class="soft">{told}</p>'


def _box(one: Evidence, size: tuple[int, int], told: str, timed: bool = False) -> str:
    """A face's box over the picture; over a video around the moment at which it lies there."""
    if one.box is None:
        return ""
    (left, top, right, bottom), (width, height) = one.box, size
    place = (
        f"left:{left / width:.2%};top:{top / height:.2%};"
        f"width:{(right - left) / width:.2%};height:{(bottom - top) / height:.2%}"
    )
    # A name that has no room below its box, or to its right, stands above or to its left.
    sides = ["up"] if bottom > 0.92 * height and top > 0.08 * height else []
    sides += ["within"] if bottom > 0.92 * height and not sides else []
    sides += ["left"] if left > 0.7 * width else []
    when = ""
    if timed:
        at = feelings.moment(one)
        when = f' hidden data-from="{at - _NEAR:.2f}" data-to="{at + _NEAR:.2f}"'
    word = f'<span class="{" ".join(sides)}">' if sides else "<span>"
    return f'<div class="felt-box" style="{place}"{when}>{word}{told}</span></div>'


def _felt(one: Evidence) -> str:
    chance = one.emotion.get(one.label)
    return name(one.label) + ("" if chance is None else f" {chance:.0%}")


def _chosen(evidence: Sequence[Evidence]) -> Iterator[tuple[int, Evidence]]:
    """The faces that are cut out, with their places: evenly along time where there are many."""
    faces = [(at, one) for at, one in enumerate(evidence) if one.box is not None]
    step = max(1, -(-len(faces) // CROPS))
    yield from faces[::step]


def _faces(media: Video, timeline: Timeline, size: tuple[int, int]) -> Iterator[tuple[int, str]]:
    """Faces as they show at their moments; frames are decoded no larger than the smallest needs."""
    chosen = sorted(_chosen(timeline.evidence), key=lambda pair: feelings.moment(pair[1]))
    if not chosen:
        return
    sides = [
        max(right - left, bottom - top, 1.0)
        for _, one in chosen
        if one.box
        for left, top, right, bottom in [one.box]
    ]
    least = round(min(1.0, CROP / np.percentile(sides, 10)) * min(size))
    moments = (feelings.moment(one) for _, one in chosen)
    frames = read_moments(media.source, moments, least)
    for (place, one), (_, pixels) in zip(chosen, frames, strict=False):
        frame = Pil.fromarray(pixels)
        yield place, _cut(frame, one, frame.width / size[0])


def _cut(picture: Pil.Image, one: Evidence, scale: float) -> str:
    """A square about a face."""
    assert one.box is not None
    left, top, right, bottom = (edge * scale for edge in one.box)
    half = max(right - left, bottom - top) * (0.5 + _AROUND)
    x, y = (left + right) / 2, (top + bottom) / 2
    square = (round(x - half), round(y - half), round(x + half), round(y + half))
    face = picture.crop(square)
    face.thumbnail((CROP, CROP))
    return _data(face)


def _data(picture: Pil.Image) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(picture)).decode()}"

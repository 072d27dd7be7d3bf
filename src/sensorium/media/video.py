"""Videos: their shots, single frames, what they say about themselves."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.media import gops, shots
from sensorium.media.clip import write_clip
from sensorium.media.container import (
    Frames,
    duration_of,
    name_of,
    open_container,
    pixel_aspect,
    video_stream,
)
from sensorium.media.facts import Facts, facts_of_tags
from sensorium.media.image import check_size
from sensorium.media.span import Span

__all__ = ["Scene", "VideoFacts", "middle", "probe", "read_frame", "read_scenes", "write_clip"]

SHORTEST = 0.5  # seconds: a shorter scene is a flash, and joins its neighbour
_Shown = tuple[float, float, Any]  # when a frame is shown, until when, and the frame
_UNSPECIFIED, _HD = 2, 720  # FFmpeg's colour space; lines from which BT.709 is meant


@dataclass(frozen=True, eq=False)
class Scene:
    """A shot, or a piece of a long one. at: seconds of the frame that stands for it.
    pixels: uint8 (height, width, 3), upright. note: what was wrong, at the last scene."""

    span: Span
    at: float
    pixels: NDArray[np.uint8]
    note: str = ""

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


@dataclass(frozen=True)
class VideoFacts:
    """duration in seconds; width, height in pixels, upright."""

    duration: float
    width: int
    height: int
    facts: Facts
    has_sound: bool
    note: str = ""


def probe(source: Path | bytes | str) -> VideoFacts:
    """What a video is, decoding one frame. Raises InputError, NotFound."""
    with open_container(source) as container:
        stream = video_stream(container, source)
        has_sound = bool(container.streams.audio)
        duration = duration_of(container, stream)
        tags = {**stream.metadata, **container.metadata}
        for _, frame in Frames(container, stream):
            width, height = upright_size(frame, pixel_aspect(stream))
            break
        else:
            raise InputError(name_of(source), "it holds no frame that can be decoded")
        if duration is None:
            duration = _counted(source)
    return VideoFacts(duration, width, height, facts_of_tags(tags), has_sound)


def middle(source: Any, span: Span | None = None) -> float:
    """The moment, in seconds, at the middle of a span or of the whole video."""
    if span is not None:
        return (span.start + span.end) / 2
    return _duration(source) / 2


def read_frame(source: Any, at: float, at_least: int = 0) -> NDArray[np.uint8]:
    """uint8 (height, width, 3), upright: the frame shown at `at` seconds.

    at_least: pixels that the shorter side is scaled down to, 0 for full size.
    Raises InputError for a moment after the end, or when nothing can be decoded.
    """
    at = max(0.0, at)
    with open_container(source) as container:
        stream = video_stream(container, source)
        duration = duration_of(container, stream)
        if duration is not None and at > duration + SHORTEST:
            why = f"{at:g} s is after its end: it lasts {duration:.1f} s"
            raise InputError(name_of(source), why)
        frames = Frames(container, stream)
        frame = _shown(frames, at, seek=True) or _shown(frames, at, seek=False)
        if frame is None:
            raise InputError(name_of(source), "it holds no frame that can be decoded")
        return Painter(source, stream, at_least).paint(frame)


def _shown(frames: Frames, at: float, seek: bool) -> Any | None:
    """The last frame that begins by `at`; None where seeking came out behind it."""
    if seek:
        frames.seek(at)
    else:
        frames.rewind()
    found, best = None, -1.0
    for time, frame in frames:
        if time > at + 1e-4:
            return found if found is not None or seek else frame
        if time >= best:
            found, best = frame, time
    return found


def read_scenes(
    source: Any, span: Span | None = None, every: float = 10.0, at_least: int = 0
) -> Iterator[Scene]:
    """Shots in order, a shot longer than `every` seconds in pieces; one sharp frame from the
    middle of each. Streams: memory does not grow with the length.

    at_least: pixels that the shorter side is scaled down to, 0 for full size.
    Raises InputError when not a single frame can be decoded; a file that breaks off later gives
    what it has, and the last scene says so in its note.
    """
    if span is not None and span.start == span.end:
        yield Scene(span, span.start, read_frame(source, span.start, at_least))
        return
    with open_container(source) as container:
        stream = video_stream(container, source)
        stream.codec_context.skip_frame = "NONREF"
        frames = Frames(container, stream)
        painter = Painter(source, stream, at_least)
        if span is not None and span.start > 0:
            frames.seek(span.start)
        decoded = _worthwhile(source, frames, span)
        held: Scene | None = None
        for shot in _joined(_shots(_tiny(frames, decoded, span), every)):
            if held is not None:
                yield held
            held = shot.scene(painter)
        if held is None:
            raise InputError(name_of(source), "it holds no frame that can be decoded")
        yield replace(held, note=_note(frames, stream, span, held))


def _note(frames: Frames, stream: Any, span: Span | None, last: Scene) -> str:
    length = float(stream.duration * stream.time_base) if stream.duration else None
    if span is None and (frames.broken or (length is not None and length - last.span.end > 1)):
        return f"nothing after {last.span.end:.1f} s can be decoded"
    return ""


@dataclass
class _Shot:
    """A shot that is still running, with a few frames near its middle, wherever that will be."""

    start: float
    end: float
    kept: list[tuple[float, Any]] = field(default_factory=list)

    def add(self, time: float, end: float, frame: Any) -> None:
        self.end = end
        length = time - self.start
        if not self.kept or time >= self.kept[-1][0] + max(0.2, length / 8):
            self.kept = [one for one in self.kept if one[0] >= self.start + length / 3]
            self.kept.append((time, frame))

    def scene(self, painter: "Painter") -> Scene:
        length = self.end - self.start
        centre = self.start + length / 2
        near = [one for one in self.kept if abs(one[0] - centre) <= length / 4]
        near = near or [min(self.kept, key=lambda one: abs(one[0] - centre))]
        time, frame = max(near, key=lambda one: painter.sharpness(one[1]))
        return Scene(Span(self.start, max(self.start, self.end)), time, painter.paint(frame))


def _shots(told: Iterator[tuple[NDArray[np.uint8], _Shown]], every: float) -> Iterator[_Shot]:
    shot: _Shot | None = None
    before: _Shown | None = None
    for (time, end, frame), is_cut in shots.begins(told):
        if shot is not None and is_cut and time - shot.start >= SHORTEST:
            shot.end = time
            yield shot
            shot = None
        elif shot is not None and before is not None and time - shot.start > every:
            # Where frames were passed over, the one before may be seconds back: begin there.
            shot.end = before[0] if before[0] > shot.start else time
            yield shot
            shot = _Shot(shot.end, end, [(before[0], before[2])] if shot.end < time else [])
        if shot is None:
            shot = _Shot(time, end)
        shot.add(time, end, frame)
        before = time, end, frame
    if shot is not None:
        yield shot


def _joined(found: Iterator[_Shot]) -> Iterator[_Shot]:
    """A last shot that is too short belongs to the one before."""
    held: _Shot | None = None
    for shot in found:
        if held is not None and shot.end - shot.start < SHORTEST:
            held.end = shot.end
            continue
        if held is not None:
            yield held
        held = shot
    if held is not None:
        yield held


def _worthwhile(source: Any, frames: Frames, span: Span | None) -> Iterator[tuple[float, Any]]:
    """The frames that shots are told from: all, or without quiet stretches of a long video."""
    duration = duration_of(frames.container, frames.stream) or 0.0
    start, end = (span.start, min(span.end, duration)) if span is not None else (0.0, duration)
    if end - start < gops.LONG:
        yield from frames
        return
    with closing(gops.quiet_groups(source, start, end)) as quiet:
        packets = frames.container.demux(frames.stream)
        yield from frames.decoded(gops.passing_over(packets, quiet))


def _tiny(
    frames: Frames, decoded: Iterator[tuple[float, Any]], span: Span | None
) -> Iterator[tuple[NDArray[np.uint8], _Shown]]:
    """Frames within the span, each with its time, its end and a tiny copy."""
    scaler = VideoReformatter()
    for time, frame in decoded:
        if span is not None and time >= span.end:
            return
        end = time + (float(frame.duration * frame.time_base) if frame.duration else frames.step)
        if span is None or end > span.start:
            inside = max(time, span.start) if span is not None else time
            shown = inside, end if span is None else min(end, span.end), frame
            yield gops.tiny_of(frame, scaler), shown


class Painter:
    """Frames to pixels: scaled, right in colour, square and upright."""

    def __init__(self, source: Any, stream: Any, at_least: int) -> None:
        self.name, self.aspect = name_of(source), pixel_aspect(stream)
        self.at_least = at_least
        self.scaler = VideoReformatter()

    def paint(self, frame: Any) -> NDArray[np.uint8]:
        check_size(frame.width, frame.height, self.name)
        width, height = _size(frame, self.aspect, self.at_least)
        told = frame.colorspace != _UNSPECIFIED
        rgb = self.scaler.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=None if told or frame.height < _HD else Colorspace.ITU709,
            interpolation="BICUBIC",
            threads=1,
        )
        pixels: NDArray[np.uint8] = np.rot90(rgb.to_ndarray(), round(frame.rotation / 90) % 4)
        return np.ascontiguousarray(pixels)

    def sharpness(self, frame: Any) -> float:
        """How much detail a frame holds: the spread of its second differences."""
        small = frame.reformat(256, 144, "gray", interpolation="AREA", threads=1)
        grey = small.to_ndarray().astype(np.float32)
        edges = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1]
        return float((edges - grey[1:-1, :-2] - grey[1:-1, 2:]).var())


def _size(frame: Any, aspect: float, at_least: int) -> tuple[int, int]:
    """(width, height) before turning: square pixels, the shorter side `at_least` where that is
    less. aspect: of a pixel of the frame."""
    width, height = frame.width * max(aspect, 1.0), frame.height / min(aspect, 1.0)
    scale = min(1.0, at_least / min(width, height)) if at_least > 0 else 1.0
    return max(1, round(width * scale)), max(1, round(height * scale))


def upright_size(frame: Any, aspect: float) -> tuple[int, int]:
    width, height = _size(frame, aspect, 0)
    return (height, width) if round(frame.rotation / 90) % 2 else (width, height)


def _duration(source: Any) -> float:
    with open_container(source) as container:
        duration = duration_of(container, video_stream(container, source))
    return _counted(source) if duration is None else duration


def _counted(source: Any) -> float:
    """The duration of a video whose headers do not tell, from its packets, without decoding."""
    with open_container(source) as container:
        stream = video_stream(container, source)
        stream.codec_context.skip_frame = "ALL"
        frames = Frames(container, stream)
        ends = (
            float((packet.pts + (packet.duration or 0)) * packet.time_base) - frames.start
            for packet in container.demux(stream)
            if packet.pts is not None
        )
        return max(ends, default=0.0)

"""The frames of a video at even moments: what is shown every half second, say."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.media.container import (
    Frames,
    duration_of,
    name_of,
    open_container,
    video_stream,
)
from sensorium.media.span import Span
from sensorium.media.video import Painter, upright_size

_MOMENT = 1e-4  # seconds: times are rounded by containers
_OFTEN = 0.07  # seconds between frames, below which some may be passed over
_MISSING = 1.0  # seconds that may be missing of what the headers promise


@dataclass(frozen=True, eq=False)
class Frame:
    """at: seconds. pixels: uint8 (height, width, 3), upright; the same array as before where the
    same frame is still shown. scale: its width over that of the whole frame. note: what was wrong,
    at the last."""

    at: float
    pixels: NDArray[np.uint8]
    scale: float
    note: str = ""

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


def read_frames(
    source: Any, span: Span | None = None, every: float = 0.5, at_least: int = 0
) -> Iterator[Frame]:
    """What is shown at the beginning of the span and every `every` seconds from there, in order.

    Of many frames a second those that no other needs are passed over: one may be a few frames old.
    Streams: memory does not grow with the length. at_least: pixels that the shorter side is scaled
    down to, 0 for full size. Raises InputError when not a single frame can be decoded; a file that
    breaks off later gives what it has, and its last frame says so in its note.
    """
    with open_container(source) as container:
        stream = video_stream(container, source)
        frames = Frames(container, stream)
        if frames.step < _OFTEN:
            stream.codec_context.skip_frame = "NONREF"
        begin = span.start if span is not None else 0.0
        if begin > 0:
            frames.seek(begin)
        painter = Painter(source, stream, at_least)
        held: Frame | None = None
        drawn: Any = None
        for at, frame in _shown(frames, begin, every, span.end if span else None):
            if held is not None:
                yield held
            if held is not None and frame is drawn:
                held = replace(held, at=at)
                continue
            pixels, drawn = painter.paint(frame), frame
            width, _ = upright_size(frame, painter.aspect)
            held = Frame(at, pixels, pixels.shape[1] / width)
        if held is None:
            raise InputError(name_of(source), "it holds no frame that can be decoded")
        promised = None if span else duration_of(container, stream)
        yield replace(held, note=_note(frames.broken, held.at + every, promised))


def _shown(
    frames: Frames, begin: float, every: float, end: float | None
) -> Iterator[tuple[float, Any]]:
    """The frame at each moment: the last that has begun by then."""
    before: Any | None = None
    number, last = 0, begin
    for time, frame in frames:
        while before is not None and (at := begin + number * every) < time - _MOMENT:
            if end is not None and at >= end - _MOMENT:
                return
            yield at, before
            number += 1
        if before is None and time > begin:  # the pictures begin later than the clock
            number = max(0, int(np.ceil((time - begin - _MOMENT) / every)))
        before, last = frame, time
    if before is not None:
        length = float(before.duration * before.time_base) if before.duration else frames.step
        stop = last + length if end is None else min(end, last + length)
        while (at := begin + number * every) < stop - _MOMENT or number == 0:
            yield at, before
            number += 1


def _note(broken: bool, end: float, promised: float | None) -> str:
    if broken or (promised is not None and promised - end > _MISSING):
        return f"no picture after {end:.1f} s can be decoded"
    return ""

"""Sound as samples: streamed out of any sound or video, one channel, at the rate that is wanted."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.error
import av.stream
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.media.container import Frames, duration_of, name_of, open_container, open_file
from sensorium.media.span import Span

Floats = NDArray[np.float32]

_BEFORE = 0.5  # seconds that are decoded before a span: codecs need a run-up
_GAP = 0.1  # seconds without sound, by the file's clock, from which a stretch begins anew
_SHORT = 0.5  # seconds that may be missing of what the headers promise
_FULL_SCALE, _CLIPPED = 0.99, 0.001  # amplitude, and the share of samples there, that is a note
# Raw streams have no header for the whole: FFmpeg guesses their duration by their first frames.
_GUESSED = frozenset("aac ac3 eac3 dts amr mpeg mpegts".split())


@dataclass(frozen=True)
class Sound:
    """start: seconds from the beginning of the file. samples: float32 (n,), one channel, -1 to 1.
    note: what is amiss with it (clipped, cut off, partly broken), "" where nothing is."""

    start: float
    rate: int
    samples: Floats
    note: str = ""

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / self.rate


def read_sound(
    source: Any, span: Span | None = None, rate: int = 16_000, seconds: float = 30.0
) -> Iterator[Sound]:
    """The sound of a file, or of a span of it, in pieces of at most `seconds`, in order.

    Channels are mixed into one by the weights of ITU-R BS.775 (the middle of 5.1 as it is, front
    and surround 3 dB less, no low-frequency effects), scaled so that the sum cannot clip; rates are
    converted with a Kaiser-windowed sinc. A piece ends early where the file has no sound for a
    while. What cannot be decoded is left out, and the last piece says so; memory does not grow with
    length. Raises InputError where there is no sound at all, NotFound.
    """
    name = f"{name_of(source)}@{span}" if span else name_of(source)
    if span and span.start == span.end:
        raise InputError(name, "a moment has no sound", "name a stretch: @10s-20s")
    with open_container(source) as container:
        stream = _sound_stream(container, source)
        frames = Frames(container, stream)
        frames.step = (stream.codec_context.frame_size or 1024) / (stream.rate or rate)
        if span and span.start > _BEFORE:
            frames.seek(span.start - _BEFORE)
        stretches = _resampled(frames, rate)
        heard = _Heard(rate, round(rate * seconds))
        yield from heard.pieces(stretches if span is None else _within(stretches, span, rate))
        if not heard.waiting:
            raise InputError(name, "nothing of it can be heard" if frames.broken else "it is empty")
        promised = None if span or _guessed(container) else duration_of(container, stream)
        broken = frames.broken or _riff_is_cut(source)
        yield heard.last(_note(broken, heard.end, promised))


def _sound_stream(container: Any, source: Any) -> Any:
    """The main sound, set to decode on one thread."""
    streams = [one for one in container.streams.audio if one.codec_context is not None]
    if not streams:
        what = "it holds pictures but no sound" if container.streams.video else "it holds no sound"
        raise InputError(name_of(source), what)
    stream = max(streams, key=lambda one: bool(one.disposition & 1))
    stream.codec_context.thread_count = 1  # the flow has threads of its own
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    return stream


def _riff_is_cut(source: Any) -> bool:
    """Whether a WAV file promises more bytes than there are; FFmpeg takes it as it is."""
    with open_file(source) as file:
        head = file.read(8)
        promised = int.from_bytes(head[4:8], "little")
        unknown = promised in (0, 0xFFFFFFFF)  # written as it came
        return head[:4] == b"RIFF" and not unknown and promised + 8 > file.seek(0, io.SEEK_END)


def _guessed(container: Any) -> bool:
    return bool(_GUESSED & {*container.format.name.split(",")})


def _note(broken: bool, end: float, promised: float | None) -> str:
    if promised is not None and end < promised - _SHORT:
        return f"it ends after {end:.1f} of {promised:.1f} seconds"
    return "it is cut off, or a part of it is broken" if broken else ""


def _resampled(frames: Frames, rate: int) -> Iterator[tuple[float, Floats]]:
    """Samples as they come, each array with the time of its first. A new conversion begins where
    the clock jumps, or the sound changes its rate or channels within the file."""
    graph, form, begin, taken, given = None, None, 0.0, 0.0, 0
    for time, frame in frames:
        now = (frame.sample_rate, frame.layout.name, frame.format.name)
        if graph is None or now != form or time > begin + taken + _GAP:
            for samples in _pulled(graph, end=True):
                yield begin + given / rate, samples
                given += len(samples)
            graph, form, begin, taken, given = _converter(frame, rate), now, time, 0.0, 0
        frame.pts = None
        graph.push(frame)
        taken += frame.samples / frame.sample_rate
        for samples in _pulled(graph):
            yield begin + given / rate, samples
            given += len(samples)
    for samples in _pulled(graph, end=True):
        yield begin + given / rate, samples
        given += len(samples)


def _converter(frame: Any, rate: int) -> Any:
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        layout=frame.layout.name,
        time_base=Fraction(1, frame.sample_rate),
    )
    wanted = (
        f"out_sample_rate={rate}:out_chlayout=mono:out_sample_fmt=flt:"
        "rematrix_maxval=1:filter_size=64"
    )
    change, sink = graph.add("aresample", wanted), graph.add("abuffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Any, end: bool = False) -> Iterator[Floats]:
    """What a conversion has ready; with `end`, all that is still in it."""
    if graph is None:
        return
    if end:
        graph.push(None)
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        samples = frame.to_ndarray().reshape(-1)
        yield np.clip(np.nan_to_num(samples, copy=False), -1, 1)


def _within(
    stretches: Iterator[tuple[float, Floats]], span: Span, rate: int
) -> Iterator[tuple[float, Floats]]:
    for time, samples in stretches:
        if time >= span.end:
            return
        first = max(0, int(np.ceil((span.start - time) * rate - 1e-3)))
        some = samples[first : max(0, round((span.end - time) * rate))]
        if len(some):
            yield time + first / rate, some


class _Heard:
    """Gathers samples into pieces. The last is held back, so that it can carry a note."""

    def __init__(self, rate: int, size: int) -> None:
        self.rate, self.size = rate, size
        self.start = 0.0
        self.parts: list[Floats] = []
        self.waiting = 0

    @property
    def end(self) -> float:
        return self.start + self.waiting / self.rate

    def pieces(self, stretches: Iterator[tuple[float, Floats]]) -> Iterator[Sound]:
        for time, samples in stretches:
            if self.waiting and time > self.end + _GAP / 2:
                yield self.last("")
            if not self.waiting:
                self.start = time
            self.parts.append(samples)
            self.waiting += len(samples)
            while self.waiting > self.size:
                whole = np.concatenate(self.parts)
                yield self._sound(whole[: self.size], "")
                self.parts = [whole[self.size :]]
                self.start += self.size / self.rate
                self.waiting -= self.size

    def last(self, note: str) -> Sound:
        """All that waits."""
        sound = self._sound(np.concatenate(self.parts), note)
        self.start, self.parts, self.waiting = self.end, [], 0
        return sound

    def _sound(self, samples: Floats, note: str) -> Sound:
        share = np.count_nonzero(np.abs(samples) >= _FULL_SCALE) / len(samples)
        clipped = f"clipped: {share:.1%} of it at full scale" if share >= _CLIPPED else ""
        return Sound(self.start, self.rate, samples, "; ".join(filter(None, (clipped, note))))

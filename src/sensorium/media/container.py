"""Containers of sound and moving pictures: opened safely, read on one thread, timed from zero."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import av.logging
import av.stream

from sensorium.errors import InputError
from sensorium.media.codecs import boxes_pass
from sensorium.media.image import open_regular

# FFmpeg's own words go nowhere: what matters is raised, what it mends is nobody's business.
av.logging.set_level(None)
av.logging.set_libav_level(av.logging.PANIC)

# Playlists (HLS, DASH, concat) are containers to FFmpeg too, and would open other files and
# addresses; these are the formats that hold their data themselves.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg,gif,wav,w64,mp3,"
    "flac,aac,aiff,caf,h264,hevc,m4v,obu,ivf,mxf,dv,rm,nut,amr,ac3,eac3,dts,ape,wv,tta"
)


@contextmanager
def open_container(source: Any) -> Iterator[Any]:
    """An InputContainer. Raises InputError, with what FFmpeg found wrong, and NotFound."""
    options = {"format_whitelist": _FORMATS}
    with open_file(source) as file:
        if not file.read(1):
            raise InputError(name_of(source), "it is empty")
        try:
            if isinstance(source, bytes):
                container = av.open(io.BytesIO(source), "r", None, options)
            else:
                options["protocol_whitelist"] = "file"
                # Without the prefix a name such as `a:b.mp4` would be taken for a protocol.
                container = av.open(f"file:{source}", "r", None, options, metadata_errors="replace")
        except (av.error.FFmpegError, ValueError, UnicodeError) as error:
            raise InputError(name_of(source), _why_closed(file, error)) from None
    with container:
        yield container


def open_file(source: Any) -> BinaryIO:
    """The bytes themselves."""
    return io.BytesIO(source) if isinstance(source, bytes) else open_regular(Path(source))


def _why_closed(file: BinaryIO, error: Exception) -> str:
    size = file.seek(0, io.SEEK_END)
    file.seek(4)
    if file.read(4) in (b"ftyp", b"moov", b"mdat", b"wide") and boxes_pass(file, size):
        return f"it is cut off, or was never finished: it ends after {size:,} bytes"
    if isinstance(error, av.error.InvalidDataError):
        return "it is broken, or no sound or video that we read"
    if isinstance(error, EOFError):
        return "it ends before its first picture or sound"
    return (getattr(error, "strerror", None) or str(error)).lower()[:120]


def name_of(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "the given video"


def video_stream(container: Any, source: Any) -> Any:
    """The main moving picture, set to decode on one thread; a cover picture is none."""
    cover = av.stream.Disposition.attached_pic
    streams = [one for one in container.streams.video if not one.disposition & cover]
    streams = [one for one in streams if one.codec_context is not None]
    if not streams:
        why = (
            "it holds sound but no moving picture"
            if container.streams.audio
            else "it holds nothing"
        )
        raise InputError(name_of(source), why)
    stream = max(streams, key=lambda one: (bool(one.disposition & 1), one.width * one.height))
    stream.codec_context.thread_count = 1  # the flow has threads of its own
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    return stream


def start_of(container: Any) -> float:
    """The clock's first reading, in seconds: times are told from there."""
    return float((container.start_time or 0) / av.time_base)


def duration_of(container: Any, stream: Any) -> float | None:
    """In seconds, as the headers tell; None where they do not (a recording cut short, a pipe)."""
    if container.duration:
        return float(container.duration / av.time_base)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None


def pixel_aspect(stream: Any) -> float:
    """The width of a pixel over its height; 1 where the file does not tell, or tells nonsense."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and 0.1 < ratio < 10 else 1.0


class Frames:
    """Decoded frames of a stream in order, each with its time; what cannot be decoded is passed
    over. `broken` tells afterwards whether the file ended before it should."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.container, self.stream = container, stream
        self.start = start_of(container)
        often = getattr(stream, "average_rate", None)  # pictures have it, sound has not
        self.step = float(1 / often) if often else 0.04
        self.broken = False
        self.last = -self.step

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        return self.decoded(self.container.demux(self.stream))

    def decoded(self, packets: Iterator[Any]) -> Iterator[tuple[float, Any]]:
        """The frames of some of the stream's packets."""
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                self.broken = True
                return
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # EOFError among them, after the flush
                self.broken = self.broken or packet.size > 0
                continue
            for frame in frames:
                yield self._time(frame), frame

    def _time(self, frame: Any) -> float:
        pts = frame.pts if frame.pts is not None else frame.dts
        if pts is None:
            self.last += self.step
        else:
            self.last = max(
                0.0, float(pts * (frame.time_base or self.stream.time_base)) - self.start
            )
        return self.last

    def seek(self, at: float) -> None:
        """To the keyframe at or before `at` seconds."""
        offset = int((at + self.start) / self.stream.time_base)
        try:
            self.container.seek(offset, stream=self.stream, backward=True)
        except av.error.FFmpegError:  # no index: from the beginning
            self.rewind()

    def rewind(self) -> None:
        try:
            self.container.seek(0, backward=True, any_frame=False)
        except av.error.FFmpegError:  # broken so that it can only be read on from where it is
            self.broken = True

"""Cutting a stretch out of a video into a file of its own."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.stream

from sensorium.errors import InputError
from sensorium.media.container import Frames, name_of, open_container, start_of, video_stream
from sensorium.media.span import Span

_CLOCK = Fraction(1, 90_000)  # of what is encoded: fine enough for any frame rate
_MOMENT = 0.001  # seconds: times are rounded by containers
_IN_MP4 = frozenset("h264 hevc av1 vp9 mpeg4 aac mp3 ac3 eac3 opus flac alac".split())


def write_clip(source: Path, span: Span, out: Path) -> None:
    """Write a playable MP4. What MP4 can hold is copied as it is, from the keyframe at or before
    `span.start`; other pictures are encoded anew as H.264, other sound is left out.

    Raises InputError when nothing lies in the span, NotFound; no unfinished file is left.
    """
    what = f"{name_of(source)}@{span}"
    partial = out.with_name(f"{out.name}.partial")
    try:
        if not _copied(source, span, partial) and not _encoded(source, span, partial):
            raise InputError(what, "nothing lies there")
        partial.replace(out)
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(what, f"it cannot be cut out: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _copied(source: Path, span: Span, out: Path) -> bool:
    """Packets as they are; False where MP4 cannot hold them, or none lies there."""
    with open_container(source) as container:
        video = video_stream(container, source)
        if video.codec_context.codec.canonical_name not in _IN_MP4:
            return False
        try:
            with av.open(str(out), "w", "mp4") as target:
                streams = {video.index: target.add_stream_from_template(video)}
                if (sound := _copyable_sound(container)) is not None:
                    streams[sound.index] = target.add_stream_from_template(sound)
                container.seek(_ticks(container, video, span.start), stream=video)
                return _copy(container, video, streams, span, target) > 0
        except (av.error.FFmpegError, ValueError):  # pictures without a time, as AVI may have
            return False


def _copyable_sound(container: Any) -> Any | None:
    for sound in container.streams.audio[:1]:
        if sound.codec_context.codec.canonical_name in _IN_MP4:
            sound.discard = av.stream.Discard.default
            return sound
    return None


def _ticks(container: Any, stream: Any, at: float) -> int:
    return int((at + start_of(container)) / stream.time_base)


def _copy(container: Any, leading: Any, streams: dict[int, Any], span: Span, target: Any) -> int:
    """Copy packets of some streams (by index: where to) until the span ends, from the first
    keyframe of the leading stream, which is where the clip's clock begins; how many of it."""
    start, written, ended, last = start_of(container), 0, set[int](), dict[int, int]()
    origin: float | None = None
    for packet in container.demux(*(container.streams[index] for index in streams)):
        index = packet.stream.index
        if index in ended or not _timed(packet, last.get(index)):
            continue
        last[index] = packet.dts
        decoded = float(packet.dts * packet.time_base)
        if decoded - start >= span.end:
            ended.add(index)
            if len(ended) == len(streams):
                break
            continue
        if origin is None and index == leading.index and packet.is_keyframe:
            origin = decoded
        if origin is None or decoded < origin:
            continue
        _move(packet, origin)
        packet.stream = streams[index]
        target.mux(packet)
        written += index == leading.index
    return written


def _timed(packet: Any, last: int | None) -> bool:
    """Give a packet the times that its container left out; False for one that has none at all.

    Matroska has no decoding times for the first pictures when they come out of order, AVI only
    has decoding times, which are those of showing unless pictures come out of order.
    """
    if packet.dts is None and packet.pts is not None:
        packet.dts = last + 1 if last is not None else packet.pts - round(0.1 / packet.time_base)
    if packet.pts is None and not getattr(packet.stream.codec_context, "has_b_frames", False):
        packet.pts = packet.dts
    return packet.dts is not None


def _move(packet: Any, origin: float) -> None:
    """Tell a packet's times from `origin`, in seconds."""
    shift = round(origin / packet.time_base)
    packet.dts -= shift
    if packet.pts is not None:
        packet.pts -= shift


def _encoded(source: Path, span: Span, out: Path) -> bool:
    """Pictures encoded anew, then the sound as it is where MP4 can hold it."""
    with open_container(source) as container, av.open(str(out), "w", "mp4") as target:
        video = video_stream(container, source)
        sound = _copyable_sound(container)
        copy = target.add_stream_from_template(sound) if sound is not None else None
        if not _encode(container, video, span, target):
            return False
        if sound is not None:
            with open_container(source) as again:
                same = again.streams[sound.index]
                again.seek(_ticks(again, same, span.start), stream=same)
                _copy(again, same, {same.index: copy}, span, target)
    return True


def _encode(container: Any, video: Any, span: Span, target: Any) -> int:
    """Pictures encoded anew; how many."""
    stream = target.add_stream("libx264", rate=video.average_rate or 25)
    stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
    stream.pix_fmt, stream.options = "yuv420p", {"crf": "20", "preset": "veryfast"}
    stream.codec_context.time_base = _CLOCK
    frames, written = Frames(container, video), 0
    frames.seek(span.start)
    for time, frame in frames:
        if time >= span.end:
            break
        if time + frames.step <= span.start + _MOMENT:
            continue
        if not written:
            stream.set_display_rotation(frame.rotation)
        picture = frame.reformat(stream.width, stream.height, "yuv420p", threads=1)
        picture.time_base = _CLOCK
        picture.pts = round(max(0.0, time - span.start) / _CLOCK)
        target.mux(stream.encode(picture))
        written += 1
    target.mux(stream.encode(None) if written else [])
    return written

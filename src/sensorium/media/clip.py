"""Cutting a stretch out of a video into a file of its own."""

from pathlib import Path
from typing import Any

import av
import av.error
import av.stream

from sensorium.errors import InputError
from sensorium.media.container import Frames, name_of, open_container, start_of, video_stream
from sensorium.media.span import Span

_IN_MP4 = frozenset("h264 hevc av1 vp9 mpeg4 aac mp3 ac3 eac3 opus flac alac".split())


def write_clip(source: Path, span: Span, out: Path) -> None:
    """Write a playable MP4. Streams that MP4 can hold are copied as they are, from the keyframe
    before `span.start`; other pictures are encoded anew as H.264, other sound is left out.

    Raises InputError when nothing lies in the span; an unfinished file is removed.
    """
    partial = out.with_name(out.name + ".partial")
    try:
        with open_container(source) as container, av.open(str(partial), "w", "mp4") as target:
            video = video_stream(container, source)
            copies = video.codec_context.name in _IN_MP4
            written = (_copy if copies else _encode)(container, video, span, target)
        if not written:
            raise InputError(f"{name_of(source)}@{span}", "nothing lies there")
        partial.replace(out)
    except av.error.FFmpegError as error:
        raise InputError(f"{name_of(source)}@{span}", f"cannot be cut out: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _copy(container: Any, video: Any, span: Span, target: Any) -> int:
    """Packets as they are; how many pictures were written."""
    streams = {video.index: target.add_stream_from_template(video)}
    for sound in container.streams.audio[:1]:
        if sound.codec_context.name in _IN_MP4:
            sound.discard = av.stream.Discard.default
            streams[sound.index] = target.add_stream_from_template(sound)
    start = start_of(container)
    container.seek(int((span.start + start) / video.time_base), stream=video, backward=True)
    sources = [container.streams[index] for index in streams]
    written, origin, over = 0, None, set[int]()
    for packet in container.demux(*sources):
        if packet.dts is None:
            continue
        moment = float((packet.pts if packet.pts is not None else packet.dts) * packet.time_base)
        if moment - start >= span.end:
            # Pictures come out of order: a few that belong to the span may follow this one.
            if (
                packet.stream.index == video.index
                and float(packet.dts * packet.time_base) - start < span.end
            ):
                continue
            over.add(packet.stream.index)
            if over >= set(streams):
                break
            continue
        if origin is None:
            if packet.stream.index != video.index or not packet.is_keyframe:
                continue
            origin = float(packet.dts * packet.time_base)
        shift = round(origin / packet.time_base)
        if packet.dts < shift:
            continue
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        written += packet.stream.index == video.index
        packet.stream = streams[packet.stream.index]
        target.mux(packet)
    return written


def _encode(container: Any, video: Any, span: Span, target: Any) -> int:
    """Pictures encoded anew; how many."""
    stream = target.add_stream("libx264", rate=video.average_rate or 25)
    stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
    stream.pix_fmt, stream.options = "yuv420p", {"crf": "20", "preset": "veryfast"}
    frames, written = Frames(container, video), 0
    frames.seek(span.start)
    for time, frame in frames:
        if time >= span.end:
            break
        if time + frames.step > span.start:
            picture = frame.reformat(stream.width, stream.height, "yuv420p", threads=1)
            picture.pts = round((time - span.start) / stream.codec_context.time_base)
            target.mux(stream.encode(picture))
            written += 1
    if written:
        target.mux(stream.encode(None))
    return written

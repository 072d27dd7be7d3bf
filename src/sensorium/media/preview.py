"""What a browser can play: a file as it is where it is short, a small copy of another."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

import av
import av.error
import numpy as np

from sensorium.errors import InputError, SensoriumError
from sensorium.media.container import (
    Frames,
    duration_of,
    open_container,
    open_file,
    pixel_aspect,
    video_stream,
)
from sensorium.media.media import Audio, Video
from sensorium.media.span import Span

WHOLE = 6_000_000
"""Bytes of a file that is given as it is."""
LONGEST_VIDEO, LONGEST_SOUND = 900.0, 3600.0
"""Seconds of which a small copy is made."""

_CLOCK = Fraction(1, 90_000)
_SIDE, _SMALL_SIDE, _LONG = 480, 320, 180.0  # pixels of the longer side; seconds from which small
_OFTEN, _SELDOM = 15.0, 8.0  # pictures a second at most, of a short and of a long one
_BUDGET = 9_000_000  # bytes of the pictures of a copy, about
_MOST = 400_000  # bits a second of pictures
_RATE, _BITS = 24_000, 32_000  # of the sound: samples and bits a second
_PIECE = 1024  # samples of a frame of AAC

# What every current browser plays, by container: codecs of pictures and of sound.
_MP4 = frozenset({"h264", "aac", "mp3"})
_WEBM = frozenset({"vp8", "vp9", "opus", "vorbis"})
_SOUNDS = {
    "mp3": ("audio/mpeg", {"mp3"}),
    "flac": ("audio/flac", {"flac"}),
    "wav": ("audio/wav", {"pcm_s16le", "pcm_u8", "pcm_f32le", "pcm_s24le"}),
    "ogg": ("audio/ogg", {"opus", "vorbis"}),
    "mov": ("audio/mp4", {"aac", "mp3"}),
}


@dataclass(frozen=True)
class Playable:
    """type: its media type. data: the bytes of a file."""

    type: str
    data: bytes


def playable(media: Video | Audio) -> Playable | None:
    """What a browser plays of `media`, or of its span; None where it is too long for that.

    A file of at most `WHOLE` bytes that browsers play comes as it is; of others a copy is made: at
    most 480 pixels wide or high (320 from 3 minutes on), with one channel of sound.
    Raises InputError where nothing can be decoded, NotFound.
    """
    try:
        return _as_it_is(media) or _small(media)
    except av.error.FFmpegError as error:
        raise InputError(media.name, f"no copy of it can be made: {error}") from None


def _as_it_is(media: Video | Audio) -> Playable | None:
    if media.span is None and (kind := _plays(media.source)):
        with open_file(media.source) as file:
            data = file.read(WHOLE + 1)
        if len(data) <= WHOLE:
            return Playable(kind, data)
    return None


def _small(media: Video | Audio) -> Playable | None:
    length = _length(media)
    if isinstance(media, Audio):
        return Playable("audio/mp4", _sound_copy(media)) if length <= LONGEST_SOUND else None
    return Playable("video/mp4", _copy(media, length)) if length <= LONGEST_VIDEO else None


def _plays(source: Any) -> str:
    """The media type of a file that browsers play, empty for another."""
    with open_container(source) as container, open_file(source) as file:
        form = container.format.name.split(",")[0]
        codecs = {
            one.codec_context.codec.canonical_name
            for one in container.streams
            if one.type in ("video", "audio") and one.codec_context is not None
        }
        pictures = [one for one in container.streams.video if one.codec_context is not None]
        if not pictures:
            kind, known = _SOUNDS.get(form, ("", set[str]()))
            return kind if codecs <= known else ""
        if any(one.codec_context.pix_fmt not in ("yuv420p", "yuvj420p") for one in pictures):
            return ""
        if form == "mov" and codecs <= _MP4:
            return "video/mp4"
        return "video/webm" if b"webm" in file.read(64) and codecs <= _WEBM else ""


def _length(media: Video | Audio) -> float:
    if media.span is not None:
        return media.span.end - media.span.start
    with open_container(media.source) as container:
        streams = container.streams.video or container.streams.audio
        duration = duration_of(container, streams[0]) if streams else None
    return float("inf") if duration is None else duration


def _copy(media: Video, length: float) -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", "mp4") as target, open_container(media.source) as container:
        video = video_stream(container, media.source)
        if length > _LONG:
            video.codec_context.skip_frame = "NONREF"
        frames = Frames(container, video)
        pictures = _pictures(frames, media.span, _SELDOM if length > _LONG else _OFTEN)
        first = next(pictures, None)
        if first is None:
            raise InputError(media.name, "it holds no frame that can be decoded")
        sound = _sound_stream(target) if container.streams.audio else None
        _encode(
            target, chain([first], pictures), _size(first[1], pixel_aspect(video), length), length
        )
        if sound is not None:
            _encode_sound(target, sound, media)
    return data.getvalue()


def _pictures(frames: Frames, span: Span | None, often: float) -> Iterator[tuple[float, Any]]:
    """Frames with their times from the span's start, no more than `often` a second."""
    start, end = (span.start, span.end) if span else (0.0, float("inf"))
    if start:
        frames.seek(start)
    due = 0.0
    for time, frame in frames:
        if time >= end:
            return
        if time + frames.step > start and time - start >= due - 1e-3:
            due = max(due + 1 / often, time - start + 0.5 / often)
            yield max(0.0, time - start), frame


def _encode(
    target: Any, pictures: Iterator[tuple[float, Any]], size: tuple[int, int], length: float
) -> None:
    stream = target.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    most = int(min(_MOST, _BUDGET * 8 / max(length, 1.0)))
    stream.options = {
        "crf": "29",
        "preset": "veryfast",
        "maxrate": str(most),
        "bufsize": str(2 * most),
        "g": "50",  # a jump decodes no more than a few seconds
    }
    stream.codec_context.time_base = _CLOCK
    for at, (time, frame) in enumerate(pictures):
        if at == 0:
            stream.set_display_rotation(frame.rotation)
        picture = frame.reformat(*size, "yuv420p", threads=1)
        picture.time_base, picture.pts = _CLOCK, round(time / _CLOCK)
        picture.pict_type = 0
        target.mux(stream.encode(picture))
    target.mux(stream.encode(None))


def _size(frame: Any, aspect: float, length: float) -> tuple[int, int]:
    """Width and height before turning, even, with square pixels. aspect: of a pixel."""
    width, height = frame.width * max(aspect, 1.0), frame.height / min(aspect, 1.0)
    scale = min(1.0, (_SMALL_SIDE if length > _LONG else _SIDE) / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _sound_copy(media: Audio) -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", "mp4") as target:
        _encode_sound(target, _sound_stream(target), media)
    return data.getvalue()


def _sound_stream(target: Any) -> Any:
    stream = target.add_stream("aac", rate=_RATE)
    stream.layout, stream.bit_rate = "mono", _BITS
    return stream


def _encode_sound(target: Any, stream: Any, media: Video | Audio) -> None:
    """One channel, silence where the file has none."""
    begin = media.span.start if media.span else 0.0
    at, waiting = 0, np.zeros(0, np.float32)
    try:
        for piece in media.sound(_RATE):
            missing = round((piece.start - begin) * _RATE) - at - len(waiting)
            quiet = np.zeros(max(0, missing), np.float32)
            waiting = np.concatenate((waiting, quiet, piece.samples))
            whole = len(waiting) // _PIECE * _PIECE
            for start in range(0, whole, _PIECE):
                _put(target, stream, waiting[start : start + _PIECE], at + start)
            at, waiting = at + whole, waiting[whole:]
    except SensoriumError:
        if isinstance(media, Audio):
            raise  # of a video the pictures remain
    if len(waiting):
        _put(target, stream, waiting, at)
    target.mux(stream.encode(None))


def _put(target: Any, stream: Any, samples: Any, at: int) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = _RATE, at, Fraction(1, _RATE)
    target.mux(stream.encode(frame))

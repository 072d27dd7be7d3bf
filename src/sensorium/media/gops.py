"""Passing over the parts of a long video in which nothing happens.

An encoder writes a whole picture now and then, a *keyframe*, and between two of them only what
changes. Where two keyframes in a row look alike and no picture between them was large, no shot
began there: the pictures between need not be decoded, which is nearly all of the work.
"""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import av.error
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from sensorium.media.container import Frames, open_container, video_stream
from sensorium.media.shots import HEIGHT, WIDTH, are_alike

LONG = 30.0  # seconds: a shorter video is decoded whole sooner than it is looked through
FAR = 5.0  # seconds between two keyframes over which more is not taken on trust
SPIKE = 0.4  # of the keyframe's bytes: a picture of that size may show something new

Tiny = NDArray[np.uint8]


@dataclass
class _Group:
    """A keyframe and what depends on it. time, pts: of the keyframe; size: its bytes; largest: of
    the pictures that depend on it."""

    pts: int
    time: float
    size: int
    largest: int = 0
    tiny: Tiny | None = None

    def is_quiet(self, following: "_Group", start: float, end: float) -> bool:
        """Whether it lies between two moments, and no shot begins in it."""
        return (
            self.tiny is not None
            and following.tiny is not None
            and start <= self.time < following.time <= min(end, self.time + FAR)
            and self.largest < SPIKE * self.size
            and are_alike(self.tiny, following.tiny)
        )


def quiet_groups(
    source: Any, start: float = 0.0, end: float = math.inf
) -> Generator[tuple[int, bool], None, None]:
    """The pts of each keyframe from `start` seconds on, and whether its group is quiet and lies
    before `end`. Opens the video once more and decodes its keyframes only; stops early where it
    cannot go on."""
    with open_container(source) as container:
        stream = video_stream(container, source)
        stream.codec_context.skip_frame = "NONKEY"
        frames = Frames(container, stream)
        frames.seek(start)
        groups: list[_Group] = []
        try:
            for packet in container.demux(stream):
                if packet.pts is None and packet.size:
                    return
                _note(packet, groups, frames.start)
                for frame in packet.decode():
                    _look(frame, groups)
                while len(groups) > 2 and groups[1].tiny is not None:
                    yield groups[0].pts, groups[0].is_quiet(groups[1], start, end)
                    groups.pop(0)
        except av.error.FFmpegError:
            return
        for group, following in pairwise(groups):
            yield group.pts, group.is_quiet(following, start, end)


def _note(packet: Any, groups: list[_Group], clock: float) -> None:
    if packet.is_keyframe and packet.size:
        time = float(packet.pts * packet.time_base) - clock
        groups.append(_Group(packet.pts, time, packet.size))
    elif groups:
        groups[-1].largest = max(groups[-1].largest, packet.size)


def _look(frame: Any, groups: list[_Group]) -> None:
    for group in groups:
        if group.pts == frame.pts:
            group.tiny = tiny_of(frame, VideoReformatter())


def tiny_of(frame: Any, scaler: VideoReformatter) -> Tiny:
    """uint8 (HEIGHT, WIDTH, 3): what shots are told from."""
    small: Any = scaler.reformat(frame, WIDTH, HEIGHT, "rgb24", interpolation="AREA", threads=1)
    pixels: Tiny = small.to_ndarray()
    return pixels


def passing_over(packets: Iterator[Any], quiet: Iterator[tuple[int, bool]]) -> Iterator[Any]:
    """The packets, without those of quiet groups but their keyframes."""
    is_quiet, was_quiet, key = False, False, 0
    for packet in packets:
        if packet.is_keyframe and packet.size:
            was_quiet, is_quiet, key = is_quiet, _is_quiet(packet.pts, quiet), packet.pts
            yield packet
        elif not packet.size:  # the flush at the end
            yield packet
        elif not is_quiet and not (was_quiet and packet.pts is not None and packet.pts < key):
            # Pictures shown before their keyframe may need the group before, which was passed over.
            yield packet


def _is_quiet(pts: int | None, quiet: Iterator[tuple[int, bool]]) -> bool:
    for known, is_quiet in quiet:
        if known == pts:
            return is_quiet
        if pts is None or known > pts:
            break
    return False

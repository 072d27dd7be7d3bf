"""What a sound looks like along time: its wave, and the pitch of who speaks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import SensoriumError
from sensorium.media import Audio, Video
from sensorium.signal.pitch import FMAX, pitch
from sensorium.views.lanes import Scale

LONGEST = 3600.0
"""Seconds of sound that are looked at for a page."""
_RATE = 16_000
_COLUMNS = 900
_WAVE = 10  # samples of a wave that are one: none is seen between

Stretches = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Heard:
    """peaks: float32 (columns,), the largest amplitude in each, 0 to 1. hertz: float64 (columns,),
    the median pitch where somebody speaks, NaN elsewhere."""

    peaks: NDArray[np.float32]
    hertz: NDArray[np.float64]


def heard(media: Audio | Video, scale: Scale, speech: Stretches) -> Heard | None:
    """A sound in columns over the page's stretch of time; None where there is none to decode, or
    more than `LONGEST`. speech: from and to which second somebody speaks."""
    if scale.length > LONGEST:
        return None
    columns = int(min(_COLUMNS, max(60, scale.length * 50)))
    peaks = np.zeros(columns, np.float32)
    found: list[tuple[NDArray[np.float64], NDArray[np.float32]]] = []
    try:
        for piece in media.sound(_RATE):
            times = piece.start + np.arange(len(piece.samples)) / _RATE
            np.maximum.at(peaks, _column(times[::_WAVE], scale, columns), _high(piece.samples))
            if any(start < piece.end and end > piece.start for start, end in speech):
                found.append(_pitch(piece.start, piece.samples, speech))
    except SensoriumError:
        return None
    return Heard(peaks, _medians(found, scale, columns))


def _column(times: NDArray[np.float64], scale: Scale, columns: int) -> NDArray[np.intp]:
    place = (times - scale.start) / scale.length * columns
    return np.clip(place, 0, columns - 1).astype(np.intp)


def _high(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest amplitude of every few samples."""
    padded = np.pad(np.abs(samples), (0, -len(samples) % _WAVE))
    high: NDArray[np.float32] = padded.reshape(-1, _WAVE).max(axis=1)
    return high


def _pitch(
    start: float, samples: NDArray[np.float32], speech: Stretches
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Times and pitches of the voiced frames within speech."""
    track = pitch(samples, _RATE, fmax=FMAX)
    times = track.times + start
    inside = np.zeros(len(times), bool)
    for begin, end in speech:
        inside |= (times >= begin) & (times < end)
    kept = inside & track.voiced
    return times[kept], track.hertz[kept]


def _medians(
    found: list[tuple[NDArray[np.float64], NDArray[np.float32]]], scale: Scale, columns: int
) -> NDArray[np.float64]:
    hertz = np.full(columns, np.nan)
    if not found:
        return hertz
    times, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    at = _column(times, scale, columns)
    order = np.argsort(at, kind="stable")
    for column, some in zip(
        *(np.unique(at[order]), np.split(values[order], np.unique(at[order], True)[1][1:])),
        strict=True,
    ):
        hertz[column] = np.median(some)
    return hertz

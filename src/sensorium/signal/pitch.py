"""Pitch: how often the vocal folds, or a string, swing in a second.

YIN (de Cheveigné & Kawahara 2002) with the candidates' probabilities of pYIN (Mauch & Dixon 2014)
and, for each frame, the candidate that its neighbours agree with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.signal.spectrum import Floats

FMIN, FMAX = 65.0, 600.0  # Hz: from a low man's voice to a child's cry
HOP = 0.01  # seconds

_WINDOW = 0.025  # seconds over which a stretch is compared with what follows it
_SAMPLES_IN_PERIOD = 13  # of the highest pitch, at least: parabolas between samples do the rest
_BLOCK = 128  # frames that are transformed at once: they fit a cache
_NEIGHBOURS = 7  # frames to each side that say where the pitch is about
_JUMP = 0.4  # octaves from there
_NEAR = 0.15  # a dip no more shallow than this may stand for a deeper one
_OCTAVE_COST = 0.05  # of depth
_EVEN, _SLOPE = 0.5, 0.05  # the depth at which a pitch is as likely as not, and how sharply
_QUIET = 1e-2  # of the loudest frame's amplitude: nothing is heard below


@dataclass(frozen=True)
class Pitch:
    """times: seconds, float64 (n,), the middle of each frame. hertz: float32 (n,), the pitch if
    there is one. voicing: float32 (n,), the probability that there is one; 0 in silence."""

    times: NDArray[np.float64]
    hertz: Floats
    voicing: Floats

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """bool (n,): where there more likely is a pitch than not."""
        return self.voicing >= 0.5


def pitch(
    samples: Floats, rate: int, fmin: float = FMIN, fmax: float = FMAX, hop: float = HOP
) -> Pitch:
    """float32 (n,) → a Pitch of n / (hop · rate) frames. fmin, fmax: Hz. hop: seconds.

    Between samples by parabolas; sounds are taken at half their rate while that leaves 13 samples
    in the shortest period.
    """
    if not 0 < fmin < fmax <= rate / 4 or hop <= 0:
        why = f"at {rate} samples a second it is found below {rate / 4:g} Hz"
        raise InputError(f"a pitch of {fmin:g} to {fmax:g} Hz", why)
    count = int(len(samples) / (rate * hop) + 0.5)
    middles: NDArray[np.float64] = (np.arange(count, dtype=np.float64) + 0.5) * hop
    pace = float(rate)
    while pace >= 2 * _SAMPLES_IN_PERIOD * fmax:
        samples, pace = _halved(samples), pace / 2
    first, found, at = int(pace / fmax), [], 0
    for difference, silent in _differences(samples, pace, fmin, middles):
        rows, lags, depths = _dips(difference, first)
        heard = ~silent[rows]
        found.append((rows[heard] + at, lags[heard], depths[heard]))
        at += len(difference)
    if not found:
        return Pitch(middles, np.zeros(0, np.float32), np.zeros(0, np.float32))
    rows, lags, depths = (np.concatenate(parts) for parts in zip(*found, strict=True))
    lag, depth = _settled(rows, lags, depths, count)
    voicing = np.where(lag > 0, 1 / (1 + np.exp((depth - _EVEN) / _SLOPE)), 0)
    late = (_lags(pace, fmin) - lag) / (2 * pace * hop)
    lag = np.where(lag > 0, _on_time(lag, voicing >= 0.5, late), np.inf)
    return Pitch(middles, (pace / lag).astype(np.float32), voicing.astype(np.float32))


def _lags(rate: float, fmin: float) -> int:
    """How many are looked at: those of the longest period, and one beyond for the parabola."""
    return int(np.ceil(rate / fmin)) + 2


def _on_time(lag: Floats, voiced: NDArray[np.bool_], late: Floats) -> Floats:
    """Lags at the middles of their frames, log-linear between neighbours. late: by how many frames
    the two stretches that were compared lie before that middle; they lie nearer to each other, and
    so to the frame's begin, the shorter the lag."""
    octaves = np.log2(np.maximum(lag, np.float32(1e-9)))
    step = np.diff(octaves)
    step[~(voiced[1:] & voiced[:-1]) | (np.abs(step) > _JUMP)] = np.nan
    after, before = np.append(step, np.nan), np.append(np.float32(np.nan), step)
    slope = np.where(np.isnan(after), np.nan_to_num(before), after)
    return np.exp2(octaves + slope * late).astype(np.float32)


def _differences(
    samples: Floats, rate: float, fmin: float, middles: NDArray[np.float64]
) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """YIN's difference function (m, lags) of some frames at a time, and which of them are silent:
    the energy of x(t) - x(t + lag) over a window, from one correlation by FFT."""
    window, lags = round(_WINDOW * rate), _lags(rate, fmin)
    length = window + lags
    padded = np.pad(samples, length)
    starts = np.rint(middles * rate).astype(np.intp) + length - length // 2
    energies = np.cumsum(np.square(padded), dtype=np.float64)
    energy = (energies[window:] - energies[:-window]).astype(np.float32)
    frames, powers = sliding_window_view(padded, length), sliding_window_view(energy, lags)
    loud = energy[starts - 1].max(initial=0)
    n_fft = _smooth(length)
    for at in range(0, len(starts), _BLOCK):
        some = starts[at : at + _BLOCK]
        block = frames[some]
        whole = np.fft.rfft(block, n_fft)
        np.multiply(whole, np.fft.rfft(block[:, :window], n_fft).conj(), out=whole)
        difference = powers[some - 1]
        own = difference[:, 0].copy()
        difference -= 2 * np.fft.irfft(whole, n_fft)[:, :lags]
        difference += own[:, None]
        yield np.maximum(difference, 0, out=difference), own <= loud * _QUIET**2


def _dips(difference: Floats, first: int) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Row, lag in samples and depth of every dip of YIN's normalised difference that is deeper than
    those at shorter lags; depth: 0 for a perfect period, about 1 for none."""
    lags = np.arange(difference.shape[1], dtype=np.float32)
    mean = np.cumsum(difference, axis=1)
    np.maximum(mean, np.float32(1e-30), out=mean)
    depth = difference * lags / mean  # the “cumulative mean normalized difference”
    inner = depth[:, first:-1]
    dips = (inner < depth[:, first - 1 : -2]) & (inner <= depth[:, first + 1 :]) & (inner < 1)
    rows, columns = np.nonzero(dips)
    depths = inner[rows, columns]
    deepest = np.minimum.accumulate(np.where(dips, inner, np.float32(1)), axis=1)
    record = depths < np.where(columns > 0, deepest[rows, columns - 1], np.float32(1))
    rows, at = rows[record], columns[record] + first
    left, middle, right = (difference[rows, at + step] for step in (-1, 0, 1))
    curve = np.maximum(left - 2 * middle + right, np.float32(1e-30))
    shift = np.clip((left - right) / (2 * curve), -1, 1)
    # Of a short period the lag nearest to it may be half a sample off, and its dip seem shallow.
    bottom = np.maximum(middle - (left - right) * shift / 4, 0) / np.maximum(middle, 1e-30)
    return rows, (at + shift).astype(np.float32), depths[record] * bottom


def _settled(
    rows: NDArray[np.intp], lags: Floats, depths: Floats, frames: int
) -> tuple[Floats, Floats]:
    """One dip a frame, as lag (0 where there is none) and depth: the deepest, with a cost for every
    octave that it lies lower, unless that is a jump from what the voiced frames around it say and
    another is nearer."""
    if not len(rows):
        return np.zeros(frames, np.float32), np.ones(frames, np.float32)
    column = np.arange(len(rows)) - np.searchsorted(rows, np.arange(frames))[rows]
    table = np.full((2, frames, int(column.max()) + 1), np.inf, np.float32)
    table[:, rows, column] = np.log2(lags), depths
    octaves, depth = table
    chosen = (depth + _OCTAVE_COST * octaves).argmin(axis=1)
    every = np.arange(frames)
    voiced = np.flatnonzero(depth[every, chosen] < _EVEN)
    own = octaves[voiced, chosen[voiced]]
    about = _local_median(own)
    jump = np.abs(own - about) > _JUMP
    jumping = voiced[jump]
    away = np.abs(octaves[jumping] - about[jump, None])
    limit = depth[jumping, chosen[jumping]] + _NEAR
    away[depth[jumping] > limit[:, None]] = np.inf
    chosen[jumping] = away.argmin(axis=1)
    octave, depth = octaves[every, chosen], depth[every, chosen]
    return np.where(np.isinf(octave), 0, np.exp2(octave)), np.minimum(depth, 1)


def _local_median(values: Floats) -> Floats:
    """float32 (n,) → (n,): the median of each value and its neighbours."""
    if not len(values):
        return values
    padded = np.pad(values, _NEIGHBOURS, mode="edge")
    around = sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    middle: Floats = np.partition(around, _NEIGHBOURS, axis=1)[:, _NEIGHBOURS]
    return middle


def _halved(samples: Floats) -> Floats:
    """float32 (n,) → (n / 2,): every other sample of what lies below a quarter of the rate."""
    half = (len(samples) + 1) // 2
    padded = np.pad(samples, (8, 10))
    even, odd = padded[8::2][:half], padded[1::2]
    kept = 0.5 * even
    for tap, weight in enumerate(_half_band()):
        kept += weight * (odd[3 - tap :][:half] + odd[4 + tap :][:half])
    return kept


@cache
def _half_band() -> tuple[np.float32, ...]:
    """The taps of a half-band filter of 15 (a Hamming window) at distances 1, 3, 5 and 7; those at
    even distances are zero, the middle one is a half."""
    at = np.array([1, 3, 5, 7])
    taps = np.sin(np.pi * at / 2) / (np.pi * at) * (0.54 + 0.46 * np.cos(np.pi * at / 7))
    return tuple(np.float32(tap) for tap in taps / (4 * taps.sum()))


def _smooth(length: int) -> int:
    """The least even number from `length` on without a factor above 5: quick to transform."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1 and length % 2 == 0:
            return length
        length += 1

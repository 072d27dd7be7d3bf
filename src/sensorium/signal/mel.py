"""Sound as an ear would sort it: mel bands, their logarithm, and cepstral coefficients (MFCC).

Defaults are librosa's (0.11): 128 bands of Slaney's scale and norm over a power spectrum of 2048
samples and a hop of 512, decibels above 1.0 with 80 kept below the peak, 20 coefficients of an
orthonormal DCT-II. Arrays are (bands, frames), float32.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.signal.spectrum import Floats, framed, powers

Scale = Literal["slaney", "htk"]

_LINEAR = 200.0 / 3  # Hz a mel below 1 kHz, of Slaney's Auditory Toolbox (1998)
_CORNER = 1000.0 / _LINEAR  # mel
_STEP = np.log(6.4) / 27  # of ln(Hz) a mel above 1 kHz
_GROUP = 16  # neighbouring filters that share a matrix product


def hz_to_mel(hertz: float, scale: Scale = "slaney") -> float:
    """HTK: 2595 log10(1 + f / 700). Slaney: linear below 1 kHz, logarithmic above."""
    if scale == "htk":
        return float(2595 * np.log10(1 + hertz / 700))
    if hertz < 1000:
        return hertz / _LINEAR
    return float(_CORNER + np.log(hertz / 1000) / _STEP)


def mel_to_hz(mels: NDArray[np.float64], scale: Scale = "slaney") -> NDArray[np.float64]:
    """The inverse of `hz_to_mel`, of an array."""
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    above = 1000 * np.exp(_STEP * (np.maximum(mels, _CORNER) - _CORNER))
    return np.where(mels < _CORNER, mels * _LINEAR, above)


@cache
def mel_filters(
    rate: int,
    n_fft: int = 2048,
    mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    scale: Scale = "slaney",
    equal_area: bool = True,
) -> Floats:
    """float32 (mels, 1 + n_fft / 2): triangles between neighbouring mel frequencies, in Hz.

    fmax: None for rate / 2. equal_area: Slaney's norm, each triangle divided by half its width;
    False leaves their peaks at 1, as HTK does.
    """
    top = fmax or rate / 2
    if not 0 <= fmin < top <= rate / 2 or mels < 1:
        raise InputError(f"{mels} mel bands of {fmin:g} to {top:g} Hz", f"at a rate of {rate} Hz")
    ends = np.linspace(hz_to_mel(fmin, scale), hz_to_mel(top, scale), mels + 2)
    edges = mel_to_hz(ends, scale)[:, None]
    bins = np.arange(n_fft // 2 + 1) * (rate / n_fft)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    if equal_area:
        filters *= 2 / (edges[2:] - edges[:-2])
    made: Floats = filters.astype(np.float32)
    made.setflags(write=False)
    return made


def mel_spectrogram(
    samples: Floats,
    rate: int,
    n_fft: int = 2048,
    hop: int = 512,
    mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
) -> Floats:
    """float32 (n,) → float32 (mels, 1 + n / hop): power in each band, Slaney's scale and norm."""
    return _bands(framed(samples, n_fft, hop, "constant"), _groups(rate, n_fft, mels, fmin, fmax)).T


_Groups = tuple[tuple[slice, slice, Floats], ...]


def _bands(frames: Floats, groups: _Groups) -> Floats:
    """Windows (n, n_fft) of sound → float32 (n, mels): power in each band."""
    bands = np.empty((len(frames), groups[-1][0].stop), np.float32)
    for at, block in powers(frames, frames.shape[1]):
        rows = bands[at : at + len(block)]
        for chosen, bins, weights in groups:
            np.matmul(block[:, bins], weights, out=rows[:, chosen])
    return bands


@cache
def _groups(rate: int, n_fft: int, mels: int, fmin: float, fmax: float | None) -> _Groups:
    """The filters by neighbours: which, the bins where they are not all zero, and their weights
    (bins, filters). Each filter is zero nearly everywhere, so this saves most of the product."""
    filters = mel_filters(rate, n_fft, mels, fmin, fmax)
    groups = []
    for first in range(0, mels, _GROUP):
        some = filters[first : first + _GROUP]
        used = np.flatnonzero(some.any(axis=0))
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        weights = np.ascontiguousarray(some[:, bins].T)
        groups.append((slice(first, first + len(some)), bins, weights))
    return tuple(groups)


def decibels(power: Floats, ref: float = 1.0, top_db: float | None = 80.0) -> Floats:
    """10 log10(power / ref), of powers from 1e-10, no lower than `top_db` below the highest."""
    level: Floats = 10 * np.log10(np.maximum(power, np.float32(1e-10)))
    level -= np.float32(10 * np.log10(max(ref, 1e-10)))
    if top_db is not None and level.size:
        np.maximum(level, level.max() - np.float32(top_db), out=level)
    return level


def log_mel(
    samples: Floats,
    rate: int,
    n_fft: int = 2048,
    hop: int = 512,
    mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
) -> Floats:
    """float32 (n,) → float32 (mels, 1 + n / hop), dB: see `mel_spectrogram` and `decibels`."""
    return decibels(mel_spectrogram(samples, rate, n_fft, hop, mels, fmin, fmax))


def whisper_log_mel(samples: Floats, mels: int = 80) -> Floats:
    """float32 (n,) at 16 kHz → float32 (mels, n / 160), about -1 to 1, as Whisper takes it
    (Radford et al. 2022): windows of 400, a hop of 160, reflected ends, the last frame left out;
    log10 of powers from 1e-10, no lower than 8 below the highest, plus 4, over 4.
    """
    frames = framed(samples, 400, 160, "reflect")[:-1]
    bands = _bands(frames, _groups(16_000, 400, mels, 0.0, None))
    level: Floats = np.log10(np.maximum(bands, np.float32(1e-10)))
    level = np.maximum(level, level.max(initial=-10) - np.float32(8))
    return ((level + np.float32(4)) / np.float32(4)).T


def mfcc(
    samples: Floats, rate: int, count: int = 20, n_fft: int = 2048, hop: int = 512, mels: int = 128
) -> Floats:
    """float32 (n,) → float32 (count, 1 + n / hop), dB: the first coefficients of an orthonormal
    DCT-II over the bands of `log_mel` (Davis & Mermelstein 1980)."""
    # In float64: 128 levels of -100 dB add up to where a float32 has no third decimal.
    levels = log_mel(samples, rate, n_fft, hop, mels).astype(np.float64)
    return (_cosines(count, mels) @ levels).astype(np.float32)


@cache
def _cosines(count: int, length: int) -> NDArray[np.float64]:
    """float64 (count, length): rows of the orthonormal DCT-II."""
    angles = np.outer(np.arange(count), np.arange(length) + 0.5) * (np.pi / length)
    rows = np.cos(angles) * np.sqrt(2 / length)
    rows[:1] /= np.sqrt(2)
    return np.asarray(rows, np.float64)

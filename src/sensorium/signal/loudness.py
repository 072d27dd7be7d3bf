"""How loud a sound is: as a meter shows it (dBFS) and as it is heard (LUFS)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sensorium.signal.spectrum import Floats

FLOOR = -100.0  # dBFS: as low as a level is told
GATE = -70.0  # LUFS: what is below is silence to ITU-R BS.1770

_PIECE = 300  # steps of 100 ms that are filtered at once
_RUN_UP = 10  # steps before them, in which the filters settle
_ROUND = 80  # steps: lengths are multiples of these, so that few responses are worked out


def levels(samples: Floats, rate: int, hop: float = 0.01) -> Floats:
    """float32 (n,) → float32 (n / (hop · rate),): RMS of every `hop` seconds in dBFS, where a sine
    of full scale has -3.01; -100 at the least."""
    return _decibels(powers(samples, rate, hop)).astype(np.float32)


def powers(samples: Floats, rate: int, hop: float = 0.01) -> NDArray[np.float64]:
    """float32 (n,) → float64 (n / (hop · rate),): the mean square of every `hop` seconds."""
    ends = np.arange(int(len(samples) / (rate * hop)) + 1) * (rate * hop)
    marks = np.rint(ends).astype(np.intp)
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples), dtype=np.float64)))
    means: NDArray[np.float64] = np.diff(energy[marks]) / np.maximum(np.diff(marks), 1)
    return means


def loudness(samples: Floats, rate: int) -> float:
    """float32 (n,), one channel → integrated loudness in LUFS by ITU-R BS.1770-5: K-weighted, over
    stretches of 400 ms, those below -70 LUFS and 10 below the mean of the rest left out.

    A sine of 997 Hz and full scale has -3.01. -70 where all is silent; what is shorter than 400 ms
    is one stretch.
    """
    steps = _weighted(samples, rate)
    if not len(steps):
        return GATE
    wide = min(4, len(steps))
    stretches = np.convolve(steps, np.full(wide, 1 / wide), "valid")
    loud = stretches[_lufs(stretches) > GATE]
    if not len(loud):
        return GATE
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) - 10].mean()))


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-30)))


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(10 * np.log10(np.maximum(power, 1e-30)), FLOOR))


def _weighted(samples: Floats, rate: int) -> NDArray[np.float64]:
    """The mean square of every 100 ms of the K-weighted sound. The filters are applied as their
    response to frequencies, padded so that what rings on does not come round to the beginning."""
    step = max(1, rate // 10)
    found = []
    for at in range(0, max(len(samples), 1), _PIECE * step):
        begin = max(0, at - _RUN_UP * step)
        piece = samples[begin : at + _PIECE * step]
        n_fft = _ROUND * step * -(-(len(piece) + _RUN_UP * step) // (_ROUND * step))
        spectrum = np.fft.rfft(piece, n_fft) * _response(n_fft, rate)
        heard = np.fft.irfft(spectrum, n_fft)[at - begin : len(piece)]
        whole = len(heard) // step * step
        if whole:
            found.append(np.square(heard[:whole]).reshape(-1, step).mean(axis=1, dtype=np.float64))
        elif at == 0 and len(heard):
            found.append(np.square(heard).mean(keepdims=True, dtype=np.float64))
    return np.concatenate(found) if found else np.zeros(0)


@lru_cache(maxsize=4)  # as many lengths as pieces have; each is 8 bytes for two samples
def _response(n_fft: int, rate: int) -> NDArray[np.complex64]:
    hertz = np.arange(n_fft // 2 + 1, dtype=np.float64) * (rate / n_fft)
    return k_weighting(hertz, rate).astype(np.complex64)


def k_weighting(hertz: NDArray[np.float64], rate: int) -> NDArray[np.complex128]:
    """How BS.1770's two filters answer to frequencies: a shelf that lifts what is above 1.7 kHz by
    4 dB, as a head does, and a high pass at 38 Hz.

    The standard gives coefficients for 48 kHz; these are the analogue filters behind them (De Man
    2014), which give the same at 48 kHz and hold at any rate.
    """
    delay = np.exp(-2j * np.pi * hertz / rate)
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    top = (high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k)
    shelf = _quadratic(top, delay) / _quadratic(_poles(k, q), delay)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    poles = _poles(k, q)
    low_cut = poles[0] * _quadratic((1.0, -2.0, 1.0), delay) / _quadratic(poles, delay)
    return np.asarray(shelf * low_cut)


def _poles(k: float, q: float) -> tuple[float, float, float]:
    return 1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k


def _quadratic(
    terms: tuple[float, float, float], delay: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    return np.asarray(terms[0] + terms[1] * delay + terms[2] * delay * delay)

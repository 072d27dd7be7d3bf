"""Sound as a spectrum over time: the short-time Fourier transform.

Defaults are librosa's (0.11): windows of 2048 samples, a hop of 512, a periodic Hann window, frames
centred on their time with zeros beyond both ends.
"""

from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensorium.errors import InputError

Floats = NDArray[np.float32]
Padding = Literal["constant", "reflect"]

_BLOCK = 1 << 15  # samples of the frames that are transformed at once: they fit a cache


@cache
def hann(length: int) -> Floats:
    """float32 (length,): the periodic Hann window, whose copies at half its length add up to 1."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    made: Floats = window.astype(np.float32)
    made.setflags(write=False)
    return made


def stft(
    samples: Floats, n_fft: int = 2048, hop: int = 512, padding: Padding = "constant"
) -> NDArray[np.complex64]:
    """float32 (n,) → complex64 (1 + n_fft / 2, 1 + n / hop): bin k is k · rate / n_fft Hz, frame t
    is centred on sample t · hop."""
    frames = framed(samples, n_fft, hop, padding)
    spectrum = np.empty((len(frames), n_fft // 2 + 1), np.complex64)
    for at, block in _blocks(frames, n_fft):
        spectrum[at : at + len(block)] = block
    return spectrum.T


def spectrogram(
    samples: Floats,
    n_fft: int = 2048,
    hop: int = 512,
    power: Literal[1, 2] = 2,
    padding: Padding = "constant",
) -> Floats:
    """float32 (n,) → float32 (1 + n_fft / 2, 1 + n / hop): magnitude (power 1) or power (2)."""
    frames = framed(samples, n_fft, hop, padding)
    spectrum = np.empty((len(frames), n_fft // 2 + 1), np.float32)
    for at, block in powers(frames, n_fft):
        spectrum[at : at + len(block)] = block if power == 2 else np.sqrt(block)
    return spectrum.T


def powers(frames: Floats, n_fft: int) -> Iterator[tuple[int, Floats]]:
    """Where it begins, and the power spectrum (m, 1 + n_fft / 2) of some frames at a time; the
    array is written anew for the next."""
    for at, spectrum in _blocks(frames, n_fft):
        parts = spectrum.view(np.float32)
        np.multiply(parts, parts, out=parts)
        yield at, parts[:, 0::2] + parts[:, 1::2]


def framed(samples: Floats, n_fft: int, hop: int, padding: Padding) -> Floats:
    """float32 (n,) → a view (1 + n / hop, n_fft) of the padded samples."""
    if n_fft < 2 or n_fft % 2 or hop < 1:
        raise InputError(f"a window of {n_fft} with a hop of {hop}", "an even window, a hop from 1")
    if padding == "reflect" and len(samples) <= n_fft // 2:
        raise InputError(f"{len(samples)} samples", f"too few to reflect {n_fft // 2} of them")
    padded = np.pad(np.asarray(samples, np.float32), n_fft // 2, mode=padding)
    return sliding_window_view(padded, n_fft)[::hop]


def _blocks(frames: Floats, n_fft: int) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    window, rows = hann(n_fft), max(1, _BLOCK // n_fft)
    windowed = np.empty((rows, n_fft), np.float32)
    spectrum = np.empty((rows, n_fft // 2 + 1), np.complex64)
    for at in range(0, len(frames), rows):
        block = frames[at : at + rows]
        many = len(block)
        np.multiply(block, window, out=windowed[:many])
        np.fft.rfft(windowed[:many], out=spectrum[:many])  # type: ignore[arg-type]  # single works
        yield at, spectrum[:many]

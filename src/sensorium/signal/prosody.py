"""How something is said, in words that people use: pitch, loudness, pace, pauses, roughness."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensorium.media import Span
from sensorium.signal.loudness import FLOOR, loudness, powers
from sensorium.signal.pitch import HOP, Pitch, pitch
from sensorium.signal.spectrum import Floats

_SILENT = 25.0  # dB below the loud parts (their 99th percentile): a pause (de Jong & Wempe 2009)
_DIP = 2.0  # dB between two syllables, at least
_SMOOTH = 0.0143  # seconds: the width (one sigma) of Praat's window for a lowest pitch of 50 Hz
_SHORTEST_PAUSE, _SHORTEST_SOUND = 0.3, 0.1  # seconds


@dataclass(frozen=True)
class Prosody:
    """How a stretch of speech is said. NaN where a thing cannot be told, as the pitch of a whisper.

    seconds             its length
    pitch               Hz: the median over voiced frames
    pitch_low, _high    Hz: their 5th and 95th percentile
    pitch_range         semitones from the one to the other
    voiced              the share of frames with a pitch, 0 to 1
    level               dBFS: RMS where it sounds (a sine of full scale has -3.01)
    loudness            LUFS (ITU-R BS.1770), as heard
    syllables           syllable nuclei, counted by the sound alone
    speech_rate         syllables a second of all of it
    articulation_rate   syllables a second without pauses
    pauses              stretches of at least 0.3 s between sounding ones, seconds from its start
    roughness           jitter, 0 to 1: mean change from period to period over the mean period
    """

    seconds: float
    pitch: float
    pitch_low: float
    pitch_high: float
    pitch_range: float
    voiced: float
    level: float
    loudness: float
    syllables: int
    speech_rate: float
    articulation_rate: float
    pauses: tuple[Span, ...]
    roughness: float


def prosody(samples: Floats, rate: int) -> Prosody:
    """float32 (n,), one channel, -1 to 1 → its Prosody. Meant for a stretch of one voice."""
    track = pitch(samples, rate)
    sounds = sounding(samples, rate)
    seconds, spoken = len(samples) / rate, sum(one.end - one.start for one in sounds)
    hertz = track.hertz[track.voiced]
    low, middle, high = np.percentile(hertz, (5, 50, 95)) if len(hertz) else [np.nan] * 3
    count = len(syllables(samples, rate, track))
    return Prosody(
        seconds=seconds,
        pitch=float(middle),
        pitch_low=float(low),
        pitch_high=float(high),
        pitch_range=float(12 * np.log2(high / low)),
        voiced=float(track.voiced.mean()) if len(track.times) else 0.0,
        level=_level(samples, rate, sounds),
        loudness=loudness(samples, rate),
        syllables=count,
        speech_rate=count / seconds if seconds else 0.0,
        articulation_rate=count / spoken if spoken else 0.0,
        pauses=_between(sounds),
        roughness=roughness(samples, rate, track),
    )


def pauses(samples: Floats, rate: int) -> tuple[Span, ...]:
    """Stretches of at least 0.3 s that are 25 dB below the loud parts, between ones that sound; in
    seconds from the first sample."""
    return _between(sounding(samples, rate))


def sounding(samples: Floats, rate: int) -> tuple[Span, ...]:
    """Where something sounds, in seconds: pauses shorter than 0.3 s belong to it, sounds shorter
    than 0.1 s do not count."""
    level = _intensity(samples, rate)
    if not len(level) or level.max() <= FLOOR:
        return ()
    edges = _runs(level > max(np.percentile(level, 99) - _SILENT, FLOOR)) * HOP
    edges = edges[edges[:, 1] - edges[:, 0] >= _SHORTEST_SOUND - 1e-9]
    if not len(edges):
        return ()
    apart = edges[1:, 0] - edges[:-1, 1] >= _SHORTEST_PAUSE - 1e-9
    starts = edges[np.append(True, apart), 0]
    ends = edges[np.append(apart, True), 1]
    return tuple(Span(float(a), float(b)) for a, b in zip(starts, ends, strict=True))


def speech_rate(samples: Floats, rate: int, track: Pitch | None = None) -> float:
    """Syllables a second; see `syllables`."""
    return len(syllables(samples, rate, track)) * rate / max(1, len(samples))


def characters_rate(words: str, seconds: float) -> float:
    """Chinese characters a second of a transcript: in Chinese, a character is a syllable."""
    spoken = sum(
        "\u3400" <= one <= "\u9fff" or "\U00020000" <= one <= "\U0003ffff" for one in words
    )
    return spoken / seconds if seconds > 0 else 0.0


def syllables(samples: Floats, rate: int, track: Pitch | None = None) -> NDArray[np.float64]:
    """Times of syllable nuclei, seconds: voiced peaks of intensity with a dip of 2 dB between them,
    no lower than 25 dB below the loud parts (de Jong & Wempe 2009)."""
    track = track or pitch(samples, rate)
    level = _intensity(samples, rate)
    if len(level) < 3:
        return np.zeros(0)
    inner = level[1:-1]
    peaks = np.flatnonzero((inner > level[:-2]) & (inner >= level[2:])) + 1
    peaks = peaks[level[peaks] > max(np.percentile(level, 99) - _SILENT, FLOOR)]
    kept: list[int] = []
    for peak in peaks.tolist():
        while kept:
            dip = level[kept[-1] : peak].min()
            if min(level[kept[-1]], level[peak]) - dip >= _DIP:
                break
            if level[kept[-1]] >= level[peak]:
                peak = -1
                break
            kept.pop()
        if peak >= 0:
            kept.append(peak)
    nuclei = np.array(kept, np.intp)
    nuclei = nuclei[nuclei < len(track.times)]
    return np.asarray((nuclei[track.voiced[nuclei]] + 0.5) * HOP, np.float64)


def roughness(samples: Floats, rate: int, track: Pitch | None = None) -> float:
    """Jitter (local): the mean difference of neighbouring periods over the mean period; of a calm
    voice about 0.005. NaN where there are no three periods. Neighbours whose ratio is above 1.3 are
    no neighbours, as in Praat (Boersma)."""
    track = track or pitch(samples, rate)
    change, periods = [], []
    for first, end in _runs(track.voiced):
        marks = pitch_marks(samples, rate, track, int(first), int(end))
        period = np.diff(marks)
        ratio = period[1:] / period[:-1]
        near = (ratio < 1.3) & (ratio > 1 / 1.3)
        change.append(np.abs(np.diff(period))[near])
        periods.append(period)
    moved = np.concatenate(change) if change else np.zeros(0)
    return float(moved.mean() / np.concatenate(periods).mean()) if len(moved) else float("nan")


def pitch_marks(
    samples: Floats, rate: int, track: Pitch, first: int, end: int
) -> NDArray[np.float64]:
    """Seconds of the periods in the voiced frames `first` to `end`: the strongest sample of the
    first period, and from there each time where the next period is most like the last."""
    stop = (track.times[end - 1] + HOP / 2) * rate
    period = rate / float(track.hertz[first])
    at = max(int((track.times[first] - HOP / 2) * rate), int(period / 2))
    opening = np.abs(samples[at : at + int(period) + 1])
    if not len(opening):
        return np.zeros(0)
    mark = float(at + opening.argmax())
    marks = [mark]
    while True:
        frame = min(end - 1, max(first, int(mark / rate / HOP)))
        lag = _next_period(samples, round(mark), rate / float(track.hertz[frame]))
        mark += lag
        if lag <= 0 or mark > stop:
            return np.array(marks) / rate
        marks.append(mark)


def _next_period(samples: Floats, mark: int, period: float) -> float:
    """How many samples after `mark` what is around it comes again, 0 where the sound ends."""
    half, least, most = int(period / 2), int(0.8 * period), int(1.2 * period) + 2
    if mark < half or mark + most + half >= len(samples) or half < 2:
        return 0.0
    here = samples[mark - half : mark + half]
    ahead = samples[mark - half + least : mark + half + most]
    alike = np.correlate(ahead, here, "valid")
    energy = np.concatenate(([0.0], np.cumsum(np.square(ahead), dtype=np.float64)))
    alike = alike / np.sqrt(np.maximum(energy[2 * half :] - energy[: -2 * half], 1e-20))
    best = int(alike[1:-1].argmax()) + 1
    left, middle, right = alike[best - 1 : best + 2]
    curve = 2 * middle - left - right
    shift = (right - left) / (2 * curve) if curve > 0 else 0.0
    return least + best + float(np.clip(shift, -1, 1))


def _level(samples: Floats, rate: int, sounds: tuple[Span, ...]) -> float:
    parts = [samples[round(one.start * rate) : round(one.end * rate)] for one in sounds]
    if not parts:
        return FLOOR
    power = float(np.square(np.concatenate(parts), dtype=np.float64).mean())
    return max(FLOOR, float(10 * np.log10(max(power, 1e-30))))


def _intensity(samples: Floats, rate: int) -> NDArray[np.float64]:
    """dBFS every 10 ms, smoothed as Praat does for a lowest pitch of 50 Hz."""
    power = powers(samples, rate, HOP)
    if not len(power):
        return power
    reach = round(4 * _SMOOTH / HOP)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * HOP / _SMOOTH) ** 2)
    padded = np.pad(power, reach, mode="edge")
    smooth = np.convolve(padded, bell / bell.sum(), "valid")
    return np.asarray(np.maximum(10 * np.log10(np.maximum(smooth, 1e-30)), FLOOR))


def _runs(where: NDArray[np.bool_]) -> NDArray[np.intp]:
    """bool (n,) → (m, 2): where each run of True begins, and where it has ended."""
    steps = np.diff(np.concatenate(([0], where.astype(np.int8), [0])))
    return np.stack([np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)], axis=1)


def _between(sounds: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple(Span(one.end, after.start) for one, after in pairwise(sounds))

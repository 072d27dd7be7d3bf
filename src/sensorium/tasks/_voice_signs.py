"""Signs in a voice: where somebody speaks, what a classifier hears in it, and how it is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

from sensorium.media import Audio, Span, Video
from sensorium.media.sentences import Sentence
from sensorium.media.sound import Sound
from sensorium.models._labels import as_emotions
from sensorium.results import Evidence
from sensorium.roles import AudioClassifier, Floats, SpeechDetector, StrangerListener
from sensorium.signal.prosody import Prosody, characters_rate, prosody
from sensorium.tasks._felt import chances, key_of, wordless
from sensorium.tasks._senses import Until

RATE = 16_000
_WINDOW = 30.0  # seconds in which speech is looked for at once
_CARRIED = 0.5  # seconds at a window's end that the next begins with
_SOONEST = 5.0  # seconds into a window, before which speech that goes on beyond it may not begin
_JOINED = 0.3  # seconds of silence within one stretch of speech
_LONGEST = 6.0  # seconds of a stretch: as long as the sentences that such models learn from
_SHORTEST = 0.4  # seconds, below which a sound says too little
_GAP = 0.05  # seconds without sound by the clock, from which a window begins anew
_BASELINE, _FEWEST = 20.0, 5  # seconds of speech and stretches that tell a speaker's own way


@dataclass(frozen=True)
class Spoken:
    """A stretch of speech, from `start` to `end` seconds. felt: a number an emotion. signs: as of
    `Evidence`."""

    start: float
    end: float
    felt: tuple[float, ...]
    signs: dict[str, float]


@dataclass(frozen=True)
class Ear:
    """The sense of hearing; see `_senses.Sense`."""

    media: Audio | Video
    detector: SpeechDetector
    classifier: AudioClassifier

    name = "voice"
    kinds = (Spoken,)

    @property
    def key(self) -> str:
        return key_of(self.detector.provenance, self.classifier.provenance)

    def read(self, since: float) -> Iterator[object]:
        end = self.media.span.end if self.media.span else 1e9
        media = replace(self.media, span=Span(since, end) if since > 0 or end < 1e9 else None)
        for window in windows(media.sound(RATE)):
            yield from self._heard(window)

    def _heard(self, window: "Window") -> Iterator[object]:
        """The speech that ends in a window, and how far that is all of it."""
        spans, done = settled(self.detector.speech(window.samples, RATE), window)
        window.carry(done)
        stretches = list(cut(spans))
        sounds = [
            window.samples[round(one.start * RATE) : round(one.end * RATE)] for one in stretches
        ]
        if sounds:
            given = [_at_rate(one, RATE, self.classifier.rate) for one in sounds]
            felt = as_emotions(self.classifier.labels, self._classified(given))
            for one, sound, numbers in zip(stretches, sounds, felt, strict=True):
                start, end = window.start + one.start, window.start + one.end
                told = tuple(round(float(number), 6) for number in numbers)
                yield Spoken(round(start, 3), round(end, 3), told, signs_of(prosody(sound, RATE)))
        yield Until(window.start + done, window.note)

    def _classified(self, sounds: Sequence[Floats]) -> Floats:
        """What a person records comes from no corpus."""
        hears = self.classifier
        if isinstance(hears, StrangerListener):
            return hears.classify_strangers(sounds)
        return hears.classify_sounds(sounds)


@dataclass
class Window:
    """samples: of `RATE`, from `start` seconds. last: no more follows it without a break."""

    start: float
    samples: Floats
    last: bool
    note: str = ""
    rest: Floats | None = None

    def carry(self, done: float) -> None:
        """From `done` seconds on it belongs to the next window."""
        self.rest = self.samples[round(done * RATE) :]


def windows(pieces: Iterator[Sound]) -> Iterator[Window]:
    """Sound in windows of 30 s, each beginning with what the one before it carries over. Where a
    window ends depends on where it begins alone, so that a run may begin at any of them."""
    size = round(_WINDOW * RATE)
    start, waiting, notes = 0.0, np.zeros(0, np.float32), list[str]()
    for piece in pieces:
        if len(waiting) and piece.start > start + len(waiting) / RATE + _GAP:
            yield Window(start, waiting, True, "; ".join(notes))
            waiting, notes = np.zeros(0, np.float32), []
        if not len(waiting):
            start = piece.start
        waiting = np.concatenate([waiting, piece.samples])
        notes += [piece.note] if piece.note else []
        while len(waiting) > size:
            window = Window(start, waiting[:size], False, "; ".join(notes))
            yield window
            assert window.rest is not None
            start += (size - len(window.rest)) / RATE
            waiting, notes = waiting[size - len(window.rest) :], []
    if len(waiting) or notes:
        yield Window(start, waiting, True, "; ".join(notes))


def settled(spans: Sequence[Span], window: Window) -> tuple[list[Span], float]:
    """The speech of a window that surely ends in it, and from which second of the window on the
    next must look again."""
    whole = len(window.samples) / RATE
    if window.last:
        return list(spans), whole
    done = whole - _CARRIED
    if spans and spans[-1].end > done:
        if spans[-1].start <= _SOONEST:  # it goes on and on: cut
            return list(spans), whole
        return list(spans[:-1]), min(done, spans[-1].start - 0.1)
    return list(spans), done


def cut(spans: Sequence[Span]) -> Iterator[Span]:
    """Stretches of 6 s at most: short silences within them, long speech in equal parts."""
    joined: list[Span] = []
    for one in spans:
        last = joined[-1] if joined else None
        if last and one.start - last.end < _JOINED and one.end - last.start <= _LONGEST:
            joined[-1] = Span(last.start, one.end)
        else:
            joined.append(one)
    for one in joined:
        if one.end - one.start < _SHORTEST:
            continue
        parts = int(np.ceil((one.end - one.start) / _LONGEST))
        edges = np.linspace(one.start, one.end, parts + 1).tolist()
        yield from (Span(a, b) for a, b in pairwise(edges))


def signs_of(said: Prosody) -> dict[str, float]:
    """By name and unit, without what cannot be told."""
    named = {
        "pitch median, Hz": said.pitch,
        "pitch range, semitones": said.pitch_range,
        "loudness, LUFS": said.loudness,
        "speech rate, syllables/s": said.speech_rate,
        "pauses, s": sum(one.end - one.start for one in said.pauses),
        "roughness, %": said.roughness * 100,
    }
    return {name: round(float(value), 3) for name, value in named.items() if np.isfinite(value)}


def evidence_of(
    spoken: Sequence[Spoken], transcript: Sequence[Sentence], language: str, baseline: bool
) -> list[Evidence]:
    """A piece of evidence each stretch. transcript: sentences with spans, whose Chinese characters
    tell the pace. baseline: also what differs from the speaker's own way."""
    own = _own(spoken) if baseline else {}
    found = []
    for one in spoken:
        told = chances(one.felt)
        signs = _with_characters(one, transcript) | _against(one.signs, own)
        made = wordless("voice", one.start, one.end, told, signs)
        found.append(replace(made, language=language))
    return found


def has_baseline(spoken: Sequence[Spoken]) -> bool:
    """Whether there is enough speech to tell the speaker's own way."""
    length = sum(one.end - one.start for one in spoken)
    return len(spoken) >= _FEWEST and length >= _BASELINE


def _own(spoken: Sequence[Spoken]) -> dict[str, float]:
    """The median of each sign."""
    if not has_baseline(spoken):
        return {}
    names = {name for one in spoken for name in one.signs}
    return {name: median(one.signs[name] for one in spoken if name in one.signs) for name in names}


def _against(signs: dict[str, float], own: dict[str, float]) -> dict[str, float]:
    found = {}
    if (pitch := "pitch median, Hz") in signs and own.get(pitch):
        found["above own pitch, semitones"] = 12 * float(np.log2(signs[pitch] / own[pitch]))
    if (loud := "loudness, LUFS") in signs and loud in own:
        found["above own loudness, dB"] = signs[loud] - own[loud]
    if (pace := "speech rate, syllables/s") in signs and pace in own:
        found["above own pace, syllables/s"] = signs[pace] - own[pace]
    return {name: round(value, 3) for name, value in found.items()}


def _with_characters(one: Spoken, transcript: Sequence[Sentence]) -> dict[str, float]:
    """Where the words are known and Chinese, characters a second instead of counted syllables."""
    rate, covered = 0.0, 0.0
    for sentence in transcript:
        if sentence.span is None or sentence.language != "zh":
            continue
        shared = min(one.end, sentence.span.end) - max(one.start, sentence.span.start)
        length = sentence.span.end - sentence.span.start
        if shared > 0 and length > 0:
            rate += characters_rate(sentence.text, length) * shared
            covered += shared
    if covered < (one.end - one.start) / 2:
        return one.signs
    counted = {name: value for name, value in one.signs.items() if "speech rate" not in name}
    return counted | {"speech rate, characters/s": round(rate / covered, 3)}


def _at_rate(samples: Floats, rate: int, wanted: int) -> Floats:
    """float32 (n,) at another rate, by its spectrum."""
    if rate == wanted:
        return samples
    count = round(len(samples) * wanted / rate)
    spectrum = np.fft.rfft(samples)
    made: Floats = (np.fft.irfft(spectrum[: count // 2 + 1], count) * (wanted / rate)).astype(
        np.float32
    )
    return made

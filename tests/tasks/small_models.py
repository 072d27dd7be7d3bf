"""Models small enough to be read at a glance: each does what its role says, on simple media."""

import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
from numpy.typing import NDArray

from sensorium.media import Span
from sensorium.results import Provenance
from sensorium.roles import Face, Floats, Pixels

HAPPY, ANGRY, SAD = (240, 220, 40), (230, 30, 30), (30, 60, 230)
LOW, HIGH = 110.0, 330.0  # Hz: of a sad and of an angry voice
_GROUND = 128


class Squares:
    """A face is a square of one colour on grey; two eyes and a mouth are where they would be."""

    provenance = Provenance("dir:squares", "1")

    def __init__(self) -> None:
        self.pictures = 0

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        self.pictures += len(pictures)
        return [tuple(self._find(picture)) for picture in pictures]

    def _find(self, picture: Pixels) -> list[Face]:
        there = np.ptp(picture.astype(int), axis=2) > 90
        columns = np.flatnonzero(np.diff(np.pad(there.any(axis=0), 1).astype(int)))
        found = []
        for left, right in columns.reshape(-1, 2).tolist():
            rows = np.flatnonzero(there[:, left:right].any(axis=1))
            top, bottom = float(rows[0]), float(rows[-1] + 1)
            x, y = (left + right) / 2, (top + bottom) / 2
            side = (right - left) / 4
            points = ((x - side, y - side), (x + side, y - side), (x, y), (x - side, y + side))
            found.append(Face((left, top, right, bottom), 0.9, (*points, (x + side, y + side))))
        return found


class Colours:
    """The expression of a square is its colour."""

    provenance = Provenance("dir:colours", "1")
    labels = ("happy", "angry", "sad", "contempt")

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        rows = []
        for face in faces:
            x, y = (face.xyxy[0] + face.xyxy[2]) / 2, (face.xyxy[1] + face.xyxy[3]) / 2
            colour = picture[int(y), int(x)].astype(float)
            away = [np.abs(colour - one).sum() for one in (HAPPY, ANGRY, SAD)]
            rows.append([*np.exp(-np.array(away) / 40), 0.01])
        chances = np.array(rows)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float32)


class Corners:
    """68 points of a square, whose brows are half its side above its eyes."""

    provenance = Provenance("dir:corners", "1")

    def place_points(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        points = np.zeros((len(faces), 68, 2), np.float32)
        for at, face in enumerate(faces):
            left, top, right, bottom = face.xyxy
            points[at] = (left + right) / 2, (top + bottom) / 2
            points[at, 36], points[at, 45] = (left, top), (right, top)
        return points


class Loud:
    """Somebody speaks where it is louder than -40 dB for a fifth of a second."""

    provenance = Provenance("dir:loud", "1")

    def __init__(self) -> None:
        self.seconds = 0.0

    def speech(self, samples: Floats, rate: int) -> tuple[Span, ...]:
        self.seconds += len(samples) / rate
        step = rate // 20
        whole = len(samples) // step * step
        loud = np.abs(samples[:whole]).reshape(-1, step).max(axis=1) > 0.01
        edges = np.flatnonzero(np.diff(np.pad(loud, 1).astype(int))).reshape(-1, 2) / 20
        return tuple(Span(a, b) for a, b in edges.tolist() if b - a >= 0.2)


class Tones:
    """A voice is sad when it is low, angry when it is high, calm between."""

    provenance = Provenance("dir:tones", "1")
    rate = 16_000
    labels = ("sadness", "calm", "anger")
    languages = ("de", "en")

    def __init__(self) -> None:
        self.calls = 0

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        self.calls += 1
        rows = []
        for sound in sounds:
            power = np.abs(np.fft.rfft(sound))
            hertz = np.fft.rfftfreq(len(sound), 1 / self.rate)[power.argmax()]
            away = np.abs(np.log2(np.maximum(hertz, 1) / [LOW, 190.0, HIGH]))
            rows.append(np.exp(-4 * away))
        chances = np.array(rows)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float32)


class Lexicon:
    """Each word that it knows adds to its emotion; counts its calls."""

    provenance = Provenance("dir:lexicon", "1")
    heads: ClassVar = {
        "sentiment": ("negative", "neutral", "positive"),
        "emotion": ("anger", "happiness", "neutral"),
    }
    words: ClassVar = {"happy": 1, "glad": 1, "高兴": 1, "angry": 0, "生气": 0}

    def __init__(self) -> None:
        self.calls = 0

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        self.calls += 1
        weights = np.zeros((len(texts), 3))
        for at, text in enumerate(texts):
            for word, of in self.words.items():
                weights[at, of] += 3 * text.count(word)
        chances = np.exp(weights) / np.exp(weights).sum(1, keepdims=True)
        felt = np.asarray(chances, np.float32)
        return {"emotion": felt, "sentiment": felt[:, [0, 2, 1]]}

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        places, at = [], 0
        for word in text.split(" "):
            places.append((at, at + len(word)))
            at += len(word) + 1
        return tuple(places)


class Both:
    """A post is positive where its words are and its picture is bright."""

    provenance = Provenance("dir:both", "1")
    labels = ("negative", "neutral", "positive")

    def classify_posts(self, pictures: Sequence[Pixels], texts: Sequence[str]) -> Floats:
        bright = np.array([picture.mean() / 255 for picture in pictures])
        happy = np.array([float("happy" in text) for text in texts])
        positive = (bright + happy) / 2
        return np.stack([1 - positive, 0 * positive, positive], axis=1).astype(np.float32)


# media

Sight = Callable[[float], Sequence[tuple[int, tuple[int, int, int]]]]
"""Seconds → the faces: where each begins from the left, and its colour."""


def tone(stretches: Sequence[tuple[float, float, float]], seconds: float, rate: int) -> Floats:
    """stretches: from, to, Hz. float32 (n,), silence between them; a voice has overtones."""
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time))
    for start, end, hertz in stretches:
        there = (time >= start) & (time < end)
        for overtone, level in ((1, 0.3), (2, 0.1), (3, 0.05)):
            sound += there * level * np.sin(2 * np.pi * hertz * overtone * time)
    return sound.astype(np.float32)


def write_wav(path: Path, samples: Floats, rate: int = 16_000, channels: int = 1) -> Path:
    """16 bits; the same in every channel."""
    data = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").repeat(channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path


def picture(faces: Sequence[tuple[int, tuple[int, int, int]]]) -> NDArray[np.uint8]:
    """uint8 (120, 240, 3), squares of 48 pixels on grey."""
    pixels = np.full((120, 240, 3), _GROUND, np.uint8)
    for left, colour in faces:
        pixels[36:84, left : left + 48] = colour
    return pixels


def write_video(
    path: Path,
    sight: Sight,
    seconds: float,
    sound: Floats | None = None,
    times: Callable[[int], float] = lambda number: number / 10,
    turn: int = 0,
) -> Path:
    """H.264 and AAC of 16 kHz. times: when each frame is shown."""
    clock = Fraction(1, 1000)
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 240, 120, "yuv420p"
        stream.codec_context.time_base = clock
        stream.options = {"g": "20", "bf": "0", "preset": "ultrafast"}
        if turn:
            stream.set_display_rotation(turn)
        voice = target.add_stream("aac", rate=16_000) if sound is not None else None
        number = 0
        while times(number) < seconds - 1e-6:
            frame = av.VideoFrame.from_ndarray(picture(sight(times(number))), "rgb24")
            frame.pts, frame.time_base = round(times(number) * 1000), clock
            target.mux(stream.encode(frame))
            number += 1
        target.mux(stream.encode(None))
        if voice is not None and sound is not None:
            samples = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
            samples.sample_rate = 16_000
            target.mux(voice.encode(samples))
            target.mux(voice.encode(None))
    return path

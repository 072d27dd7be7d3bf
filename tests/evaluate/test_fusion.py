import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from sensorium.errors import InputError, NotFound
from sensorium.evaluate import EVALUATIONS
from sensorium.evaluate._pairs import (
    Read,
    common,
    descend,
    figures,
    fit,
    frequencies,
    pair,
    temperature,
)
from sensorium.results import Provenance
from sensorium.results.codec import decode
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import Face, Floats, Pixels
from sensorium.signal.fusion import Fusion
from sensorium.signal.softmax import softmax

fusion = EVALUATIONS["fusion"]
NAMES = ("text", "voice", "face")


def read(seed: int, sharp: float, labels: Sequence[int] = range(7), n: int = 1400) -> Read:
    """A model that is right more often the sharper it is, and says how sure it is as it is."""
    random = np.random.default_rng(seed)
    truth = random.choice(labels, n)
    scores = random.normal(size=(n, 7))
    scores[np.arange(n), truth] += sharp
    return Read(softmax(scores * sharp), truth)


def overdone(one: Read, power: float) -> Read:
    sharper = one.chances**power
    return Read(sharper / sharper.sum(axis=1, keepdims=True), one.truth)


def test_a_temperature_mends_what_is_too_sure() -> None:
    honest = read(0, 1.5)
    assert temperature(honest) == pytest.approx(1.0, abs=0.15)
    assert temperature(overdone(honest, 2.0)) == pytest.approx(2 * temperature(honest), rel=0.05)


def test_a_model_that_says_nothing_weighs_nothing() -> None:
    noise = Read(np.full((1400, 7), 1 / 7) + 0, read(1, 1.0).truth)
    random = np.random.default_rng(2)
    noise.chances[:] = softmax(random.normal(size=noise.chances.shape))
    made = fit({"text": read(3, 1.5), "voice": noise}, {"text": "a", "voice": "b"}, random)
    assert made.kinds["text"].weight == pytest.approx(1.0, abs=0.1)
    assert made.kinds["voice"].weight < 0.1 or made.kinds["voice"].temperature > 4
    assert made.kinds["voice"].revision == "b"


def test_weights_are_where_the_likelihood_is_best() -> None:
    random = np.random.default_rng(4)
    ratios, truth = random.normal(size=(2, 500, 7)), random.integers(0, 7, 500)
    ratios[0, np.arange(500), truth] += 1

    def loss(weights: np.ndarray) -> float:
        chances = softmax(np.tensordot(weights, ratios, 1))
        return float(-np.log(chances[np.arange(500), truth]).mean())

    best = descend(ratios, np.zeros(7), truth)
    for step in ([0.05, 0], [-0.05, 0], [0, 0.05]):
        assert loss(best) <= loss(best + step) + 1e-9


def test_fusing_gains_and_a_missing_sign_costs() -> None:
    reads = {name: read(at, 1.2) for at, name in enumerate(NAMES)}
    made = fit(reads, dict.fromkeys(NAMES, "1"), np.random.default_rng(5))
    moments = pair(reads, common(made.kinds), 6000, np.random.default_rng(6))
    alone = figures(moments.only("text"), made).accuracy
    together = figures(moments, made, moments.where(*NAMES)).accuracy
    assert together > alone + 0.1
    assert figures(moments, made).calibration_error < 0.05
    assert figures(moments.only("voice"), made).n < 6000


def test_a_pair_is_of_one_label_and_always_has_a_sign() -> None:
    reads = {"text": read(0, 5.0), "voice": read(1, 5.0, labels=(0, 3))}
    moments = pair(reads, frequencies(reads["text"]), 2000, np.random.default_rng(7))
    seen = [track.seen for track in moments.tracks.values()]
    assert np.logical_or(*seen).all()
    assert set(moments.truth[seen[1]].tolist()) == {0, 3}
    told = moments.tracks["text"].chances[seen[0]].argmax(axis=1)
    assert (told == moments.truth[seen[0]]).mean() > 0.95
    both = np.isin(moments.truth, (0, 3))
    assert seen[0][~both].all()  # only texts know of these
    assert seen[1][both].mean() == pytest.approx(0.68, abs=0.06)  # 0.6, or drawn to fill a gap


# from files


class Words:
    provenance = Provenance("dir:words", "w1")
    heads: ClassVar = {"emotion": EMOTIONS}

    def classify_texts(self, texts: Sequence[str]) -> dict[str, Floats]:
        return {"emotion": np.array([_near(EMOTIONS.index(one)) for one in texts], np.float32)}

    def word_places(self, text: str) -> tuple[tuple[int, int], ...]:
        return ((0, len(text)),)


class Pitches:
    provenance = Provenance("dir:pitches", "v1")
    rate, labels, languages = 16_000, (*EMOTIONS[:-1], "calm"), ("en",)

    def classify_sounds(self, sounds: Sequence[Floats]) -> Floats:
        peaks = [np.abs(np.fft.rfft(one, 16_000)).argmax() for one in sounds]
        return np.array([_near(round(peak / 100) - 1) for peak in peaks], np.float32)


class Greys:
    provenance = Provenance("dir:greys", "f1")
    labels = EMOTIONS

    def classify_faces(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        return np.array([_near(round(picture.mean() / 30)) for _ in faces], np.float32)


def _near(place: int) -> list[float]:
    return [0.7 if at == place else 0.05 for at in range(7)]


def _wav(hertz: float) -> bytes:
    import wave

    file = io.BytesIO()
    time = np.arange(8_000) / 16_000
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((np.sin(2 * np.pi * hertz * time) * 20_000).astype("<i2").tobytes())
    return file.getvalue()


def _png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (24, 24), grey).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    random = np.random.default_rng(8)

    def table(name: str, column: str, make: Any) -> None:
        truth = [*range(7)] * 20
        shown = [one if random.random() < 0.8 else int(random.integers(7)) for one in truth]
        labels = ["calm" if name == "voice" and one == 6 else EMOTIONS[one] for one in truth]
        rows = arrow.table({column: [make(one) for one in shown], "emotion": labels})
        parquet.write_table(rows, tmp_path / f"{name}.parquet")

    table("text", "text", lambda one: EMOTIONS[one])
    table("voice", "audio", lambda one: _wav(100.0 * (one + 1)))
    table("face", "image", lambda one: _png(one * 30))
    return tmp_path


def test_a_fit_is_measured_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_HOME", str(folder / "home"))
    models = {"text_model": Words(), "voice_model": Pitches(), "face_model": Greys()}
    told = fusion(folder, pairs=1000, save=True, **models)
    assert told.rows == {"text": 140, "voice": 140, "face": 140}
    everything = told.by_signs["text+voice+face"]
    assert everything["fused"] > everything["best alone"]
    assert set(told.by_signs) >= {"text", "voice", "face", "text+voice+face"}
    assert told.spread["accuracy"] < 0.1
    kept = decode(Fusion, json.loads((folder / "home" / "fusion.json").read_text()))
    assert kept == told.fit and kept.kinds["voice"].revision == "v1"


def test_a_table_that_is_missing_or_too_small(folder: Path) -> None:
    models = {"text_model": Words(), "voice_model": Pitches(), "face_model": Greys()}
    with pytest.raises(NotFound, match="voice"):
        (folder / "voice.parquet").rename(folder / "other.parquet")
        fusion(folder, **models)
    from pyarrow import parquet

    parquet.write_table(parquet.read_table(folder / "other.parquet")[:5], folder / "voice.parquet")
    with pytest.raises(InputError, match="has 5 rows"):
        fusion(folder, **models)

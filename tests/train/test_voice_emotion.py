"""The recipe of the listener to voices, on a network and sounds small enough to make here."""

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium.errors import InputError  # noqa: E402
from sensorium.models.voice_emotion import VoiceEmotionListener, padded  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train import run  # noqa: E402
from sensorium.train.mel_changes import changed  # noqa: E402
from sensorium.train.pair import Bad  # noqa: E402
from sensorium.train.recipes import voice_emotion as recipe  # noqa: E402
from sensorium.train.speech import SpeechEncoder, speech_encoder  # noqa: E402
from sensorium.train.starts import Start  # noqa: E402
from sensorium.train.strangers import strangeness  # noqa: E402
from sensorium.train.voice_emotion import (  # noqa: E402
    VoiceEmotion,
    fit_linear,
    own_loss,
)
from sensorium.train.voices import Voice, Voices, read_voices  # noqa: E402

WIDTH = 64
TONES = {"anger": 300, "calm": 1200, "neutral": 2400}  # Hz


def whisper(layers: int = 1) -> dict[str, NDArray[np.float32]]:
    """Random weights under the names of a file of CTranslate2."""
    chance = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"position_encodings/encodings": (1500, WIDTH)}
    shapes |= {"conv1/weight": (WIDTH, 80, 3), "conv1/bias": (WIDTH,)}
    shapes |= {"conv2/weight": (WIDTH, WIDTH, 3), "conv2/bias": (WIDTH,)}
    for layer in range(layers):
        name = f"layer_{layer}/"
        for part, out, wide in (
            ("self_attention/linear_0", 3 * WIDTH, WIDTH),
            ("self_attention/linear_1", WIDTH, WIDTH),
            ("ffn/linear_0", 4 * WIDTH, WIDTH),
            ("ffn/linear_1", WIDTH, 4 * WIDTH),
        ):
            shapes |= {f"{name}{part}/weight": (out, wide), f"{name}{part}/bias": (out,)}
        for part in ("self_attention", "ffn"):
            shapes |= {f"{name}{part}/layer_norm/{end}": (WIDTH,) for end in ("gamma", "beta")}
    return {
        f"encoder/{name}": chance.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def tone(label: str, seed: int) -> bytes:
    chance = np.random.default_rng(seed)
    times = np.arange(8000) / 16_000
    samples = 0.3 * np.sin(2 * np.pi * TONES[label] * times) + chance.normal(0, 0.01, 8000)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32_000).astype("<i2").tobytes())
    return buffer.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Corpus a has no calm, b no neutral; the second speaker of each is held back. One is none."""
    import pyarrow.parquet as pq

    rows: list[tuple[Any, ...]] = [(b"no sound", "anger", "a", "a-1", "en")]
    for corpus, other in (("a", "neutral"), ("b", "calm")):
        for number in range(12):
            label = "anger" if number % 2 else other
            speaker = f"{corpus}-{1 + number % 3 // 2}"
            rows.append((tone(label, number), label, corpus, speaker, "de"))
    names = ("audio", "emotion", "corpus", "speaker", "language")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "voices.parquet")
    return tmp_path / "voices.parquet"


def test_rows_are_read_and_what_is_no_sound_is_said(data: Path) -> None:
    bad: list[Bad] = []
    voices = Voices.of(list(read_voices(data, bad)))
    assert len(voices) == 24 and len(bad) == 1 and "row 0" in bad[0].where
    assert voices.names == ("anger", "calm", "neutral")
    assert all(mel.shape[0] == 80 and mel.shape[1] % 2 == 0 for mel in voices.mels)
    assert voices.chances().sum() == pytest.approx(1)


def test_what_a_label_has_to_win_against() -> None:
    mel = np.zeros((80, 40), np.float16)
    told = [("anger", "a"), ("neutral", "a"), ("calm", "b"), ("anger", "b")]
    voices = Voices.of([Voice(mel, label, corpus, "s", "en") for label, corpus in told])
    assert voices.own.tolist() == [[1, 0, 1], [1, 0, 1], [1, 1, 0], [1, 1, 0]]
    # Anger is neither calm nor neutral anywhere; a's neutral may be what b calls calm.
    assert voices.candidates.tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]


def test_loss_against_naive_sums() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    candidates = torch.tensor([[True, True, False], [True, True, True]])
    first = -np.log(np.exp(2) / (np.exp(1) + np.exp(2)))
    rest = np.log(1 + np.exp(-1) + np.exp(3))
    found = own_loss(logits, torch.tensor([1, 0]), candidates)
    assert float(found) == pytest.approx((first + rest) / 2, rel=1e-5)
    smooth = own_loss(logits, torch.tensor([1, 0]), candidates, 0.3)
    even = (first + 0.5) + (rest - 2 / 3)
    assert float(smooth) == pytest.approx((0.7 * (first + rest) + 0.3 * even) / 2, rel=1e-5)


def test_the_regression_is_found() -> None:
    torch.manual_seed(0)
    features = torch.randn(4000, 5)
    truth = torch.randn(3, 5)
    labels = torch.distributions.Categorical(logits=features @ truth.T).sample()
    everything = torch.ones(4000, 3, dtype=torch.bool)
    weight, bias = fit_linear(features, labels, everything, decay=0.0)
    centred = (weight - weight.mean(0)) - (truth - truth.mean(0))
    assert centred.abs().max() < 0.3 and bias.abs().max() < 0.3


def test_a_head_is_too_sure_of_corpora_that_it_does_not_know() -> None:
    """Two labels that every corpus tells apart along one axis, and by a habit of its own."""
    chance = np.random.default_rng(0)
    voices = Voices.of(
        [
            Voice(np.zeros((80, 2), np.float16), "anger" if at % 2 else "calm", corpus, who, "en")
            for corpus in "abc"
            for who in (f"{corpus}-{number}" for number in range(4))
            for at in range(20)
        ]
    )
    labels = 2 * voices.labels - 1
    shared = chance.normal(size=(len(labels), 1)) + labels[:, None]
    habits = chance.normal(size=(len(labels), 3))
    for at, corpus in enumerate("abc"):
        habits[:, at] += 3 * labels * (voices.corpora == corpus)
    alike = torch.from_numpy(shared.astype(np.float32))
    habitual = torch.from_numpy(np.hstack([shared, habits]).astype(np.float32))
    assert strangeness(alike, voices) == pytest.approx(1, abs=0.4)
    assert strangeness(habitual, voices) > 1.5
    two = voices.corpora != "c"
    assert strangeness(alike[torch.from_numpy(two)], voices.take(np.flatnonzero(two))) == 1


def test_corpora_without_a_label_in_common_tell_nothing_of_strangers() -> None:
    mel = np.zeros((80, 2), np.float16)
    told = [(label, who) for label in ("anger", "calm", "joy") for who in "abcd"]
    voices = Voices.of([Voice(mel, label, f"of {label}", who, "en") for label, who in told])
    assert strangeness(torch.randn(len(told), 2), voices) == 1


def test_the_encoder_is_whisper_s() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.WhisperConfig(
        d_model=WIDTH, encoder_layers=2, encoder_attention_heads=1, encoder_ffn_dim=4 * WIDTH,
        max_source_positions=50, vocab_size=9, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, decoder_layers=1, decoder_attention_heads=1,
    )  # fmt: skip
    theirs = transformers.WhisperModel(config).encoder.eval()
    weights = whisper(layers=2)
    weights["encoder/position_encodings/encodings"] = theirs.embed_positions.weight.detach().numpy()
    state = {}
    for name in ("conv1", "conv2"):
        for end in ("weight", "bias"):
            state[f"{name}.{end}"] = weights[f"encoder/{name}/{end}"]
    names = {"self_attn.out_proj": "self_attention/linear_1"}
    names |= {"fc1": "ffn/linear_0", "fc2": "ffn/linear_1"}
    norms = {"self_attn_layer_norm": "self_attention", "final_layer_norm": "ffn"}
    for at in range(2):
        layer = f"encoder/layer_{at}/"
        asked = f"{layer}self_attention/linear_0/"
        weights[asked + "bias"][WIDTH : 2 * WIDTH] = 0  # Whisper's keys have none
        for place, part in enumerate(("q_proj", "k_proj", "v_proj")):
            rows = slice(place * WIDTH, (place + 1) * WIDTH)
            state[f"layers.{at}.self_attn.{part}.weight"] = weights[asked + "weight"][rows]
            if part != "k_proj":
                state[f"layers.{at}.self_attn.{part}.bias"] = weights[asked + "bias"][rows]
        for name, own in names.items():
            for end in ("weight", "bias"):
                state[f"layers.{at}.{name}.{end}"] = weights[f"{layer}{own}/{end}"]
        for name, own in norms.items():
            for end, greek in (("weight", "gamma"), ("bias", "beta")):
                state[f"layers.{at}.{name}.{end}"] = weights[f"{layer}{own}/layer_norm/{greek}"]
    told = theirs.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    assert set(told.missing_keys) == {
        "embed_positions.weight", "layer_norm.weight", "layer_norm.bias"
    }  # fmt: skip
    mel = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 80, 100)).astype(np.float32))
    with torch.no_grad():
        last = speech_encoder(weights, 2, 50)(mel, torch.ones(2, 50))[-1]
        wanted = theirs(mel).last_hidden_state
        assert torch.allclose(theirs.layer_norm(last), wanted, atol=1e-4)


def test_no_sound_hears_which_batch_it_is_in() -> None:
    torch.manual_seed(0)
    model = VoiceEmotion(SpeechEncoder(WIDTH, 1, 2, 100), 3, 0.0).eval()
    chance = np.random.default_rng(0)
    short, long = (chance.normal(size=(80, t)).astype(np.float32) for t in (40, 120))
    with torch.no_grad():
        together = model(*map(torch.from_numpy, padded([short, long])))
        alone = model(*map(torch.from_numpy, padded([short])))
    assert torch.allclose(together[:1], alone, atol=1e-5)


@pytest.mark.parametrize("frames", [8, 31, 200])
def test_a_changed_voice_is_still_mel_bands(frames: int) -> None:
    mel = np.random.default_rng(0).uniform(-1, 1, (80, frames)).astype(np.float32)
    for seed in range(30):
        found = changed(mel, np.random.default_rng(seed), 100)
        assert found.dtype == np.float32 and found.shape[0] == 80
        assert found.shape[1] % 2 == 0 and 6 <= found.shape[1] <= 100
        assert np.isfinite(found).all() and np.ptp(found) <= 2.01


def test_a_run_learns_and_its_folder_opens(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start").write_bytes(b"")
    monkeypatch.setattr(Start, "path", lambda self: tmp_path / "start")
    monkeypatch.setattr(recipe, "read_ctranslate", lambda _: whisper())
    shared: dict[str, Any] = {"data": [str(data)], "layers": 1, "steps": 2, "batch": 4}
    shared |= {"validate_every": 2, "precision": "fp32", "device": "cpu", "window": 2.0}
    out = tmp_path / "out"
    ended = run("voice-emotion", out=str(out), held=["a-2", "b-2"], **shared)
    assert ended.step == 2 and {"a", "b", "mean"} <= set(ended.figures)
    told = json.loads((out / "figures.json").read_text())
    assert np.sum(told["corpora"]["a"]["confusion"]) == told["corpora"]["a"]["n"] == 4
    assert {"before", "after"} == set(told["calibration error"])
    listener = VoiceEmotionListener(Checkpoint(Folder(out), out, "r"), Device.CPU)
    assert listener.labels == ("anger", "calm", "neutral") and listener.languages == ("de",)
    everybody = tmp_path / "everybody"
    assert json.loads((out / "config.json").read_text())["strangers"] == 1  # of two corpora
    fixed: dict[str, Any] = {"everybody": True, "temperature": 2.0, "strangers": 1.5}
    run("voice-emotion", out=str(everybody), **fixed, **shared)
    assert json.loads((everybody / "config.json").read_text())["strangers"] == 1.5
    assert not (everybody / "figures.json").exists() and (everybody / "model.onnx").exists()


def test_nobody_to_learn_from_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no voice to train on"):
        run("voice-emotion", data=[str(data)], out=str(tmp_path / "o"),
            held=["a-1", "a-2", "b-1", "b-2"])  # fmt: skip

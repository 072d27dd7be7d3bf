"""What is felt in a voice: nine labels, of four corpora of acted speech, German and English.

When to use it: to make the model that `sensorium emotion` hears with again, or one of your own on a
file of the same columns. One CPU core makes it in half an hour.

What it needs: the start Whisper tiny.en of `train/starts.py` installed, and parquet files with the
columns audio, emotion, corpus, speaker, language (see `train/voices.py`).

How it is made
1. Silence at both ends goes and level is made one, for they tell the corpora apart.
2. Mean and spread over time of what every layer of Whisper's encoder gives, into a logistic
   regression: it begins as the head (Kumar et al., Fine-Tuning can Distort Pretrained Features and
   Underperform Out-of-Distribution, ICLR 2022).
3. The layers learn with it, on voices changed in pace, vocal tract, colour and noise. A row's label
   has to win against its own corpus' labels; anger is no calm in any corpus, but what is neutral in
   one may be called calm in another.
4. What ships are weights between those of step 2 and of step 3: what was learnt from few speakers
   is half taken back (Wortsman et al., Robust Fine-Tuning of Zero-Shot Models, CVPR 2022).
5. The temperature is fitted on the speakers that were held back. Logits of voices from anywhere
   else are divided besides, by how much surer a head is of known corpora than of one left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from sensorium.errors import InputError
from sensorium.metrics.calibration import calibration_error, fit_temperature
from sensorium.metrics.classification import accuracy, balanced_accuracy, confusion
from sensorium.models.voice_emotion import RATE, padded
from sensorium.roles import Floats
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.softmax import softmax
from sensorium.task import Range
from sensorium.train.ctranslate import read_ctranslate
from sensorium.train.draw import Draw
from sensorium.train.export import write_config, write_figures
from sensorium.train.loop import Group, Logs, grouped
from sensorium.train.mel_changes import changed
from sensorium.train.options import Options
from sensorium.train.pair import Bad
from sensorium.train.processes import Processes
from sensorium.train.shrink import to_onnx
from sensorium.train.speech import speech_encoder
from sensorium.train.starts import WHISPER_TINY_EN
from sensorium.train.strangers import strangeness
from sensorium.train.voice_emotion import VoiceEmotion, fit_linear, own_loss
from sensorium.train.voices import Voices, read_voices

HELD = (
    "ravdess-17", "ravdess-18", "ravdess-19", "ravdess-20", "emodb-03", "emodb-08", "savee-JK",
)  # fmt: skip
_WINDOW = 16  # batches drawn together, then cut by length
_SETTLED = 96  # voices that the file is held against
_AT_ONCE = 16
_LAYER = 0.8  # of the rate of the layer above


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    held: Annotated[tuple[str, ...], "Speakers to measure on and never to train on."] = HELD
    everybody: Annotated[bool, "Train on the speakers held back, too; nothing is measured."] = False
    temperature: Annotated[float, Range(0, 100), "0: fitted on the speakers held back."] = 0.0
    strangers: Annotated[
        float,
        Range(0, 100),
        "Divides logits of other recordings; 0: measured by leaving corpora out.",
    ] = 0.0
    steps: Annotated[int, Range(1, 10**6), "Steps of the encoder."] = 700
    batch: Annotated[int, Range(2, 10**5), "Voices a batch."] = 32
    lr: Annotated[float, Range(0, 1), "Of the head and the highest layer."] = 1.5e-4
    precision: Annotated[Literal["fp32", "bf16"], "bf16 computes in 16 bits, weights stay 32."] = (
        "bf16"
    )
    ema: Annotated[float, Range(0, 1), "Decay of the averaged weights, which are kept."] = 0.99
    weight_decay: Annotated[float, Range(0, 10), "AdamW's, on matrices."] = 0.05
    validate_every: Annotated[int, Range(1, 10**6), "Steps between validations."] = 175
    layers: Annotated[int, Range(1, 4), "Of Whisper's encoder that are kept."] = 4
    frozen_layers: Annotated[int, Range(0, 4), "Of them, left as they are."] = 0
    window: Annotated[float, Range(1, 30), "Seconds that are heard at once at use."] = 6.0
    longest: Annotated[float, Range(0.5, 30), "Seconds that are heard at once in training."] = 3.2
    share: Annotated[float, Range(0, 1), "Of what was learnt, in the weights that ship."] = 0.5
    smoothing: Annotated[float, Range(0, 0.5), "Share of the target for all candidates."] = 0.1
    dropout: Annotated[float, Range(0, 0.9), "Share of features dropped before the head."] = 0.2


Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def batch_of(voices: Voices, chance: np.random.Generator | None, frames: int) -> Batch:
    """mel, mask, labels, candidates; changed by chance where there is one."""
    mels = [mel.astype(np.float32) for mel in voices.mels]
    if chance is not None:
        mels = [changed(mel, chance, frames) for mel in mels]
    mel, mask = padded([mel[:, : frames // 2 * 2] for mel in mels])
    labels, candidates = torch.from_numpy(voices.labels), torch.from_numpy(voices.candidates)
    return torch.from_numpy(mel), torch.from_numpy(mask), labels, candidates


class Training:
    """See `loop.Trainee`."""

    def __init__(
        self, config: Config, model: VoiceEmotion, train: Voices, held: Voices, bad: list[Bad]
    ) -> None:
        self.config, self.model, self.train, self.held = config, model, train, held
        lengths = [mel.shape[1] for mel in train.mels]
        self.draw = Draw(
            train.chances(), lengths, size=config.batch, window=_WINDOW, seed=config.seed
        )
        self.watched = "mean" if len(held) else "batches"
        self._bad, self._drawn = bad, 0
        self._begun = {name: one.clone() for name, one in model.state_dict().items()}

    def groups(self) -> list[Group]:
        encoder = self.model.encoder
        for one in (encoder.first, encoder.second, *encoder.layers[: self.config.frozen_layers]):
            one.requires_grad_(False)
        encoder.position.requires_grad_(False)
        layers = list(encoder.layers)[self.config.frozen_layers :]
        below = [
            group
            for depth, layer in enumerate(reversed(layers))
            for group in grouped(layer, _LAYER**depth)
        ]
        return [*grouped(self.model.head), *below]

    def batches(self, start: int) -> Iterator[Batch]:
        number, frames = start, frames_of(self.config.longest)
        while True:
            chance = np.random.default_rng([self.config.seed, 1, number])
            yield batch_of(self.train.take(self.draw(number)), chance, frames)
            number += 1
            self._drawn = number

    def loss(self, batch: Batch) -> tuple[Tensor, Logs]:
        mel, mask, labels, candidates = batch
        logits = self.model.read(mel, mask)
        return own_loss(logits, labels, candidates, self.config.smoothing), {}

    def validate(self) -> dict[str, float]:
        if not len(self.held):  # the last weights are taken
            return {self.watched: float(self._drawn)}
        return recalls(logits_of(self.model, self.held, self.config), self.held)

    def about(self) -> dict[str, str]:
        held = ", ".join(sorted(set(self.held.speakers.tolist())))
        return {
            "start": str(WHISPER_TINY_EN),
            "voices": f"{len(self.train):,} to train on, {len(self.held):,} held back",
            "speakers held back": held or "none",
        }

    def bad(self) -> list[Bad]:
        return self._bad

    def finish(self, out: Path) -> None:
        """`model.onnx`, `config.json`, `figures.json`."""
        share, temperature = self.config.share, self.config.temperature or 1.0
        learnt = self.model.state_dict()
        mixed = {name: self._begun[name].lerp(one, share) for name, one in learnt.items()}
        self.model.load_state_dict(mixed)
        if len(self.held):
            logits = logits_of(self.model, self.held, self.config)
            told, fitted = report(logits, self.held)
            temperature = self.config.temperature or fitted
            write_figures(out, told)
        self.model.temperature.fill_(temperature)
        write(self.config, self.model, self.train, out)


def frames_of(seconds: float) -> int:
    """Of 10 ms, an even number."""
    return 2 * round(seconds * 50)


@torch.no_grad()  # type: ignore[untyped-decorator]
def features_of(model: VoiceEmotion, voices: Voices, window: float) -> Tensor:
    """(n, features) of every voice as it is, at most a window of it."""
    order = np.argsort([mel.shape[1] for mel in voices.mels], kind="stable")
    made = torch.empty(len(voices), model.centre.numel())
    for at in range(0, len(order), _AT_ONCE):
        chosen = order[at : at + _AT_ONCE]
        mel, mask, *_ = batch_of(voices.take(chosen), None, frames_of(window))
        made[torch.from_numpy(chosen)] = model.pool(mel, mask).float()
    return made


def logits_of(model: VoiceEmotion, voices: Voices, config: Config) -> Tensor:
    features = features_of(model, voices, config.window)
    with torch.no_grad():
        logits: Tensor = model.head((features - model.centre) / model.scale).float()
    return logits


def _among_own(logits: Tensor, voices: Voices) -> Floats:
    """The logits, -inf for labels that a row's corpus has not."""
    return np.where(voices.own, logits.numpy(), np.float32(-np.inf))


def recalls(logits: Tensor, voices: Voices) -> dict[str, float]:
    """Unweighted average recall of each corpus over its own labels, and the mean of the corpora."""
    named = _among_own(logits, voices).argmax(1)
    told = {
        str(corpus): balanced_accuracy(named[there], voices.labels[there])
        for corpus in np.unique(voices.corpora)
        if (there := voices.corpora == corpus).any()
    }
    return {"mean": float(np.mean([*told.values()]))} | told


def report(logits: Tensor, voices: Voices) -> tuple[dict[str, object], float]:
    """What `figures.json` tells of the speakers held back, and the temperature fitted on them all.

    The calibration error after scaling is of each half of the speakers at the other's temperature.
    """
    own, labels = _among_own(logits, voices), voices.labels
    named = own.argmax(1)
    corpora: dict[str, object] = {}
    for corpus in np.unique(voices.corpora):
        there = voices.corpora == corpus
        corpora[str(corpus)] = {
            "n": int(there.sum()),
            "accuracy": accuracy(named[there], labels[there]),
            "unweighted average recall": balanced_accuracy(named[there], labels[there]),
            "confusion": confusion(named[there], labels[there], len(voices.names)).tolist(),
        }
    speakers = np.unique(voices.speakers)
    first = np.isin(voices.speakers, speakers[::2])
    scaled = own.copy()
    for half in (first, ~first):
        if half.any() and not half.all():
            scaled[half] /= fit_temperature(own[~half], labels[~half])
    fitted = fit_temperature(own, labels)
    errors = [calibration_error(softmax(some).max(1), named == labels) for some in (own, scaled)]
    told: dict[str, object] = {
        "labels": voices.names,
        "corpora": corpora,
        "temperature": fitted,
        "calibration error": dict(zip(("before", "after"), errors, strict=True)),
    }
    return told, fitted


def start(config: Config, processes: Processes) -> Training:
    torch.manual_seed(config.seed)
    bad: list[Bad] = []
    voices = Voices.of([row for name in config.data for row in read_voices(Path(name), bad)])
    back = np.isin(voices.speakers, config.held)
    if config.everybody:
        train, held = voices, voices.take(np.empty(0, np.int64))
    else:
        train, held = voices.take(np.flatnonzero(~back)), voices.take(np.flatnonzero(back))
    if not len(train):
        raise InputError("there is no voice to train on", "every speaker is held back")
    weights = read_ctranslate(WHISPER_TINY_EN.path().read_bytes())
    encoder = speech_encoder(weights, config.layers, frames_of(config.window) // 2)
    model = VoiceEmotion(encoder, len(voices.names), config.dropout).eval()
    with torch.autocast("cpu", torch.bfloat16, config.precision == "bf16"):
        features = features_of(model, train, config.window)
        begin_head(model, train, features)
    config = replace(config, strangers=config.strangers or strangeness(features, train))
    return Training(config, model, train, held, bad)


def begin_head(model: VoiceEmotion, train: Voices, features: Tensor) -> None:
    """Step 2: the head as a logistic regression on what the layers give before they learn."""
    model.centre.copy_(features.mean(0))
    model.scale.copy_(features.std(0) + 1e-3)
    even = (features - model.centre) / model.scale
    labels, candidates = torch.from_numpy(train.labels), torch.from_numpy(train.candidates)
    weight, bias = fit_linear(even, labels, candidates)
    model.head.load_state_dict({"weight": weight, "bias": bias})


def export(model: VoiceEmotion, path: Path) -> None:
    example = (torch.zeros(2, 80, 100), torch.ones(2, 50))
    axes = {"mel": {0: "n", 2: "t"}, "mask": {0: "n", 1: "places"}}
    to_onnx(model.eval(), example, axes, "logits", path, "int8")


def lifted(model: VoiceEmotion, voices: Voices, path: Path, window: float) -> Tensor:
    """By how much the logits of the file at `path` exceed the network's, in the mean (labels,)."""
    session, sums = OnnxSession(path), torch.zeros(len(voices.names))
    for at in range(len(voices)):
        mel, mask, *_ = batch_of(voices.take(np.array([at])), None, frames_of(window))
        stored = session.run({"mel": mel.numpy(), "mask": mask.numpy()})["logits"]
        sums += (torch.from_numpy(stored) - model(mel, mask))[0]
    return sums / len(voices)


def write(config: Config, model: VoiceEmotion, voices: Voices, out: Path) -> None:
    """The folder that `models/voice_emotion.py` opens."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "model.onnx"
    export(model, path)
    # Eight bits a weight lift some labels for every voice alike; the bias takes that back.
    few = voices.take(np.arange(0, len(voices), max(1, len(voices) // _SETTLED)))
    with torch.no_grad():
        off = lifted(model, few, path, config.window) * model.temperature
        model.head.bias -= off
        export(model, path)
        model.head.bias += off
    write_config(
        out,
        {
            "model_type": "voice_emotion",
            "labels": list(voices.names),
            "languages": list(voices.languages),
            "rate": RATE,
            "window": config.window,
            "strangers": round(config.strangers, 3),
        },
    )

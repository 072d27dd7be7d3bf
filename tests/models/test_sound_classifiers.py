"""wav2vec 2.0 and its kin that classify sounds, against transformers, on tiny checkpoints."""

import io
import json
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.evaluate.emotion import emotion as evaluate
from sensorium.models import open as open_model
from sensorium.roles import AudioClassifier

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.runtime.torch import TorchSession  # noqa: E402

Sounds = list[NDArray[np.float32]]
TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "conv_dim": (16, 16, 16),
    "conv_stride": (5, 4, 4),
    "conv_kernel": (10, 8, 4),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 16,
    "initializer_range": 0.5,
}
KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
LABELS = ("neu", "hap", "ang", "calm")


def write_checkpoint(folder: Path, kind: str, norm: str = "group") -> None:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **TINY, feat_extract_norm=norm, id2label=dict(enumerate(LABELS))
    )
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=8000, do_normalize=True, return_attention_mask=norm == "layer"
    ).save_pretrained(folder)


@pytest.fixture(scope="module", params=[*KINDS, "wav2vec2-layer"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    name, _, norm = request.param.partition("-")
    write_checkpoint(folder, KINDS[name], norm or "group")
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Optimum lays it out: the graph takes samples alone."""
    target: Path = tmp_path_factory.mktemp("onnx") / "made"
    shutil.copytree(checkpoint, target, ignore=shutil.ignore_patterns("*.safetensors"))
    module = transformers.AutoModelForAudioClassification.from_pretrained(checkpoint).eval()
    torch.onnx.export(
        TorchSession(module, "forward", ("input_values",), "logits", Device.CPU).graph(),
        (torch.randn(2, 4000),),
        str(target / "model.onnx"),
        input_names=["input_values"],
        output_names=["logits"],
        dynamic_axes={"input_values": {0: "n", 1: "t"}, "logits": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    return target


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest, checkpoint: Path, exported: Path) -> AudioClassifier:
    folder = checkpoint if request.param == "torch" else exported
    return open_model(f"dir:{folder}", AudioClassifier)


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    """Tones and noise of several lengths and levels, one with an offset."""
    rng = np.random.default_rng(5)
    made = []
    for samples, level in ((4000, 0.5), (2500, 0.01), (6001, 0.2), (4000, 0.9)):
        tone = np.sin(2 * np.pi * rng.uniform(80, 900) * np.arange(samples) / 8000)
        made.append((level * (tone + 0.3 * rng.normal(size=samples)) + 0.05).astype(np.float32))
    return made


def test_chances_are_those_of_transformers(
    model: AudioClassifier, checkpoint: Path, sounds: Sounds
) -> None:
    extractor = transformers.AutoFeatureExtractor.from_pretrained(checkpoint)
    module = transformers.AutoModelForAudioClassification.from_pretrained(checkpoint).eval()
    expected = []
    for sound in sounds:
        given = extractor(sound, sampling_rate=8000, return_tensors="pt")
        with torch.inference_mode():
            expected.append(module(**given).logits.softmax(-1)[0].numpy())
    neutral, happy, angry, calm = np.stack(expected).T
    assert np.ptp(happy) > 0.001  # the sounds are told apart
    made = model.classify_sounds(sounds)
    ours = np.stack([angry, happy, neutral + calm], axis=1)
    np.testing.assert_allclose(made, ours, atol=1e-4)


def test_what_a_checkpoint_says_is_what_we_do(model: AudioClassifier) -> None:
    assert model.labels == ("anger", "happiness", "neutral")
    assert (model.rate, model.languages) == (8000, ())


def test_too_short_a_sound_and_silence_are_borne(model: AudioClassifier) -> None:
    made = model.classify_sounds([np.zeros(3, np.float32), np.zeros(4000, np.float32)])
    np.testing.assert_allclose(made.sum(axis=1), 1, atol=1e-5)
    assert model.classify_sounds([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("head", "languages"),
    [
        ("language: en", ("en",)),
        ("language:\n- en\n- zh", ("en", "zh")),
        ("language: [de, en]", ("de", "en")),
        ("language: multilingual", ()),
        ("license: mit", ()),
    ],
)
def test_languages_are_those_of_the_card(
    exported: Path, tmp_path: Path, head: str, languages: tuple[str, ...]
) -> None:
    shutil.copytree(exported, tmp_path / "told")
    (tmp_path / "told" / "README.md").write_text(f"---\n{head}\ntags:\n- x\n---\nWords", "utf-8")
    # A card moves no revision, and an open model is kept by its folder: each has its own.
    assert open_model(f"dir:{tmp_path / 'told'}", AudioClassifier).languages == languages


def test_a_head_that_is_none_of_ours_is_refused(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "other")
    path = tmp_path / "other" / "config.json"
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | {"architectures": ["OtherForSpeech"]}), "utf-8")
    with pytest.raises(InputError, match="OtherForSpeech"):
        open_model(f"dir:{tmp_path / 'other'}", AudioClassifier)


def encoded(sound: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def test_it_is_measured_by_its_folder(exported: Path, sounds: Sounds, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    labels = ["anger", "happiness", "neutral", "disgust"]
    rows = {"audio": [encoded(one) for one in sounds], "emotion": labels}
    pq.write_table(pa.table(rows), tmp_path / "voices.parquet")
    data = str(tmp_path / "voices.parquet")
    report = evaluate(data, modality="voice", model=f"dir:{exported}")
    assert (report.n, report.unknown_labels) == (3, {"disgust": 1})
    assert report.labels == ("anger", "happiness", "neutral")

"""Chinese-CLIP against transformers, on a tiny random checkpoint."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.models import open as open_model
from sensorium.roles import DualTower
from sensorium.spec import Folder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.train.export_towers import export  # noqa: E402

Pictures = list[NDArray[np.uint8]]
WORDS = ["a", "photo", "of", "two", "dog", "##s", "x", "running", "on", "the", "grass", ",", "!"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("chinese-clip")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *WORDS, *"雪地里的一辆车狗猫"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    config = transformers.ChineseCLIPConfig(
        text_config={**tower, "vocab_size": len(vocabulary), "max_position_embeddings": 20},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=16,
        logit_scale_init_value=4.0,
    )
    transformers.ChineseCLIPModel(config).save_pretrained(folder)
    transformers.ChineseCLIPImageProcessorPil(
        size={"height": 32, "width": 32},
        do_center_crop=False,
        resample=2,
        image_mean=[0.4, 0.5, 0.6],
        image_std=[0.2, 0.3, 0.25],
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Folder(checkpoint), tmp_path_factory.mktemp("onnx") / "made").folder


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> Any:
    return transformers.ChineseCLIPModel.from_pretrained(checkpoint).eval()


@pytest.fixture(scope="module")
def joint(checkpoint: Path, reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One graph with both towers, as most Chinese-CLIP repositories with ONNX files have it."""
    folder: Path = tmp_path_factory.mktemp("joint")
    for path in checkpoint.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).symlink_to(path)
    ids = torch.tensor([[2, 5, 6, 3], [2, 5, 3, 0]])
    inputs = ["input_ids", "pixel_values", "attention_mask"]
    outputs = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]
    (folder / "onnx").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Joint(reference).eval(),
            (ids, torch.rand(3, 3, 32, 32), (ids != 0).long()),
            str(folder / "onnx" / "model.onnx"),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={
                "input_ids": {0: "texts", 1: "tokens"},
                "attention_mask": {0: "texts", 1: "tokens"},
                "pixel_values": {0: "images"},
                "logits_per_image": {0: "images", 1: "texts"},
                "logits_per_text": {0: "texts", 1: "images"},
                "text_embeds": {0: "texts"},
                "image_embeds": {0: "images"},
            },
            opset_version=17,
            dynamo=False,
        )
    return folder


class Joint(torch.nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Any, pixel_values: Any, attention_mask: Any) -> Any:
        made = self.model(
            input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask
        )
        return made.logits_per_image, made.logits_per_text, made.text_embeds, made.image_embeds


@pytest.fixture(params=["torch", "onnx", "joint"])
def model(
    request: pytest.FixtureRequest, checkpoint: Path, exported: Path, joint: Path
) -> DualTower:
    folder = {"torch": checkpoint, "onnx": exported, "joint": joint}[request.param]
    return open_model(f"dir:{folder}", DualTower)


def unit(output: Any) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = output.pooler_output.numpy()
    made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made


def test_pictures(model: DualTower, checkpoint: Path, reference: Any, pictures: Pictures) -> None:
    processor = transformers.ChineseCLIPImageProcessorPil.from_pretrained(checkpoint)
    pixels = np.stack([model.prepare_image(one) for one in pictures])
    given = processor(pictures, return_tensors="pt", input_data_format="channels_last")
    np.testing.assert_allclose(pixels, given["pixel_values"].numpy(), atol=1e-4)
    with torch.inference_mode():
        expected = unit(reference.get_image_features(**given))
    np.testing.assert_allclose(model.embed_images(pictures), expected, atol=1e-4)


def test_texts(model: DualTower, reference: Any, checkpoint: Path, texts: Sequence[str]) -> None:
    tokenizer = transformers.BertTokenizer.from_pretrained(checkpoint)
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=20, return_tensors="pt")
    with torch.inference_mode():
        expected = unit(reference.get_text_features(**tokens))
    np.testing.assert_allclose(model.embed_texts(texts), expected, atol=1e-4)


def test_what_a_checkpoint_says_is_what_we_do(model: DualTower) -> None:
    assert (model.dimensions, model.image_size) == (16, 32)
    assert model.logit_scale == pytest.approx(np.exp(4.0), rel=1e-4)
    assert model.logit_bias == pytest.approx(0, abs=1e-3)

"""ViT and ConvNeXt that classify faces, against transformers, on tiny random checkpoints."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.models import open as open_model
from sensorium.models._see_faces import cut_square
from sensorium.roles import Face, FaceClassifier

Pictures = list[NDArray[np.uint8]]
LABELS = ("angry", "Happy", "悲伤", "contempt")
FACES = [Face((10, 5, 30, 32), 0.9), Face((-4, -3, 20, 18), 0.5), Face((0.4, 1.2, 9.9, 9.1), 0.4)]


torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.runtime.torch import TorchSession  # noqa: E402

NAMES = {"vit": "ViT", "convnext": "ConvNext", "convnextv2": "ConvNextV2"}


def write_checkpoint(folder: Path, kind: str, side: int) -> None:
    torch.manual_seed(0)
    labels = dict(enumerate(LABELS))
    if kind == "vit":
        config = transformers.ViTConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=side,
            patch_size=8,
            id2label=labels,
            initializer_range=0.5,
        )
        processor = transformers.ViTImageProcessorPil(size={"height": side, "width": side})
    else:
        config = getattr(transformers, f"{NAMES[kind]}Config")(
            hidden_sizes=(8, 16, 16, 32), depths=(1, 1, 1, 1), id2label=labels
        )
        processor = transformers.ConvNextImageProcessorPil(
            size={"shortest_edge": side}, resample=3, crop_pct=0.875
        )
    module = getattr(transformers, f"{NAMES[kind]}ForImageClassification")(config)
    torch.nn.init.normal_(module.classifier.weight)  # so that classes differ by more than rounding
    module.save_pretrained(folder)
    processor.save_pretrained(folder)


@pytest.fixture(scope="module", params=["vit-32", "convnext-64", "convnext-384", "convnextv2-64"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    kind, _, side = request.param.partition("-")
    write_checkpoint(folder, kind, int(side))
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("onnx") / "made"
    shutil.copytree(checkpoint, target, ignore=shutil.ignore_patterns("*.safetensors"))
    (target / "onnx").mkdir()
    module = transformers.AutoModelForImageClassification.from_pretrained(checkpoint).eval()
    side = 32 if module.config.model_type == "vit" else 64
    torch.onnx.export(
        TorchSession(module, "forward", ("pixel_values",), "logits", Device.CPU).graph(),
        (torch.randn(2, 3, side, side),),
        str(target / "onnx" / "model.onnx"),
        input_names=["pixel_values"],
        output_names=["logits"],
        dynamic_axes={"pixel_values": {0: "n", 2: "h", 3: "w"}, "logits": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    return target


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest, checkpoint: Path, exported: Path) -> FaceClassifier:
    folder = checkpoint if request.param == "torch" else exported
    return open_model(f"dir:{folder}", FaceClassifier)


def reference(folder: Path, cuts: Pictures) -> Any:
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    module = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    given = processor(cuts, return_tensors="pt", input_data_format="channels_last")
    with torch.inference_mode():
        return module(**given).logits.softmax(-1).numpy()


def test_chances_are_those_of_transformers(
    model: FaceClassifier, checkpoint: Path, pictures: Pictures
) -> None:
    assert model.labels == ("anger", "happiness", "sadness", "contempt")
    told_apart = []
    for picture in pictures:
        expected = reference(checkpoint, [cut_square(picture, face) for face in FACES])
        told_apart.append(expected)
        np.testing.assert_allclose(model.classify_faces(picture, FACES), expected, atol=1e-4)
    assert np.ptp(np.concatenate(told_apart), axis=0).max() > 0.01


def test_no_face_gives_nothing_out(model: FaceClassifier, pictures: Pictures) -> None:
    assert model.classify_faces(pictures[0], []).shape == (0, 4)

"""CLIP against transformers, on a tiny random checkpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.roles import DualTower
from sensorium.spec import Folder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.train.export_towers import export  # noqa: E402

Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, byte_pairs: Callable[[Path], None]
) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    byte_pairs(folder)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 24,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=16,
        logit_scale_init_value=3.25,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer.model_max_length = 24
    tokenizer.save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32},
        crop_size={"height": 32, "width": 32},
        resample=3,
        image_mean=[0.4, 0.5, 0.6],
        image_std=[0.2, 0.3, 0.25],
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Folder(checkpoint), tmp_path_factory.mktemp("onnx") / "clip").folder


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> Any:
    return transformers.CLIPModel.from_pretrained(checkpoint).eval()


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest, checkpoint: Path, exported: Path) -> DualTower:
    folder = checkpoint if request.param == "torch" else exported
    return open_model(f"dir:{folder}", DualTower)


def unit(output: Any) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = output.pooler_output.numpy()
    made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made


def test_pixels_are_those_of_transformers(
    model: DualTower, checkpoint: Path, pictures: Pictures
) -> None:
    processor = transformers.CLIPImageProcessorPil.from_pretrained(checkpoint)
    for picture in pictures:
        expected = processor(picture, return_tensors="np", input_data_format="channels_last")
        made = model.prepare_image(picture)
        np.testing.assert_allclose(made, expected["pixel_values"][0], atol=1e-4)


def test_image_vectors_are_those_of_transformers(
    model: DualTower, reference: Any, pictures: Pictures
) -> None:
    pixels = np.stack([model.prepare_image(one) for one in pictures])
    with torch.inference_mode():
        expected = unit(reference.get_image_features(pixel_values=torch.from_numpy(pixels)))
    np.testing.assert_allclose(model.encode_images(pixels), expected, atol=1e-4)
    np.testing.assert_allclose(model.embed_images(pictures), expected, atol=1e-4)


def test_text_vectors_are_those_of_transformers(
    model: DualTower, reference: Any, checkpoint: Path, texts: Sequence[str]
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        expected = unit(reference.get_text_features(**tokens))
    np.testing.assert_allclose(model.embed_texts(texts), expected, atol=1e-4)


def test_what_a_checkpoint_says_is_what_we_do(model: DualTower) -> None:
    assert model.dimensions == 16
    assert model.image_size == 32
    assert model.logit_scale == pytest.approx(np.exp(3.25))
    assert model.logit_bias == 0


def test_vocabulary_and_merges_alone_will_do(
    checkpoint: Path, exported: Path, texts: Sequence[str], tmp_path: Path
) -> None:
    """A checkpoint of before 2021 has no tokenizer.json."""
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in exported.rglob("*"):
        if path.is_file() and path.name != "tokenizer.json":
            target = bare / path.relative_to(exported)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
    for name in ("vocab.json", "merges.txt"):
        (bare / name).unlink(missing_ok=True)
        (bare / name).symlink_to(checkpoint / name)
    made = open_model(f"dir:{bare}", DualTower).embed_texts(texts)
    whole = open_model(f"dir:{exported}", DualTower).embed_texts(texts)
    np.testing.assert_array_equal(made, whole)


def test_nothing_in_gives_nothing_out(model: DualTower) -> None:
    assert model.embed_texts([]).shape == (0, 16)
    assert model.embed_images([]).shape == (0, 16)
    assert model.encode_images(np.empty((0, 3, 32, 32), np.float32)).shape == (0, 16)


def test_int8_stays_near(
    checkpoint: Path, pictures: Pictures, texts: Sequence[str], tmp_path: Path
) -> None:
    sample = list(zip(pictures, texts, strict=True))
    made = export(Folder(checkpoint), tmp_path / "int8", int8=True, sample=sample)
    assert made.drift is not None and made.drift.n == len(sample)
    assert 0.98 < made.drift.image_cosine[1] <= made.drift.image_cosine[0] <= 1.0001
    assert 0.98 < made.drift.text_cosine[1] <= made.drift.text_cosine[0] <= 1.0001
    assert set(made.drift.recall) == {"text to image", "image to text"}
    assert (made.folder / "onnx" / "vision_model_int8.onnx").is_file()
    assert "revision" in (made.folder / "README.md").read_text("utf-8")


def test_graphs_are_quantized_without_their_weights(
    exported: Path, pictures: Pictures, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="ONNX already"):
        export(Folder(exported), tmp_path / "again")
    (tmp_path / "int8").mkdir()
    made = export(Folder(exported), tmp_path / "int8", int8=True)
    assert made.drift is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["int8"]
    before = open_model(f"dir:{exported}", DualTower)
    after = open_model(f"dir:{made.folder}", DualTower)
    assert after.logit_scale == before.logit_scale
    near = (before.embed_images(pictures) * after.embed_images(pictures)).sum(1)
    assert near.min() > 0.98
    with pytest.raises(InputError, match="not empty"):
        export(Folder(exported), made.folder, int8=True)

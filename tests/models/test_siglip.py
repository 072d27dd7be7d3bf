"""SigLIP and SigLIP 2 (fixed resolution) against transformers, on tiny random checkpoints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from sensorium.models import open as open_model
from sensorium.roles import DualTower
from sensorium.spec import Folder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.train.export_towers import export  # noqa: E402

Pictures = list[NDArray[np.uint8]]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.!'雪地里的一辆车狗猫"
LENGTH = 16


def gemma_tokenizer(folder: Path) -> None:
    """SigLIP 2's kind: Gemma's pieces, `<eos>` at the end, padded with `<pad>`."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS]
    model = models.BPE({piece: n for n, piece in enumerate(pieces)}, [], unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", None, [("<eos>", 1)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_max_length=int(1e30),
        padding_side="right",
    ).save_pretrained(folder)


def sentence_piece_tokenizer(folder: Path) -> None:
    """SigLIP's kind: T5's pieces, `</s>` at the end and as padding."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0 - n / 10) for n, letter in enumerate(LETTERS)]
    pieces += [("▁dog", -4.0), ("▁of", -4.0), ("▁a", -3.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", None, [("</s>", 1)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="</s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=LENGTH,
    ).save_pretrained(folder)


@pytest.fixture(scope="module", params=["siglip", "siglip2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    config = transformers.SiglipConfig(
        text_config={**tower, "vocab_size": 100, "max_position_embeddings": LENGTH},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
    )
    module = transformers.SiglipModel(config)
    module.logit_scale.data.fill_(4.7)
    module.logit_bias.data.fill_(-12.5)
    module.save_pretrained(folder)
    (gemma_tokenizer if request.param == "siglip2" else sentence_piece_tokenizer)(folder)
    transformers.SiglipImageProcessorPil(
        size={"height": 32, "width": 32}, resample=2
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Folder(checkpoint), tmp_path_factory.mktemp("onnx") / "made").folder


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> Any:
    return transformers.SiglipModel.from_pretrained(checkpoint).eval()


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest, checkpoint: Path, exported: Path) -> DualTower:
    folder = checkpoint if request.param == "torch" else exported
    return open_model(f"dir:{folder}", DualTower)


def unit(output: Any) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = output.pooler_output.numpy()
    made: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made


def test_pictures(model: DualTower, checkpoint: Path, reference: Any, pictures: Pictures) -> None:
    processor = transformers.SiglipImageProcessorPil.from_pretrained(checkpoint)
    pixels = np.stack([model.prepare_image(one) for one in pictures])
    given = processor(pictures, return_tensors="pt", input_data_format="channels_last")
    np.testing.assert_allclose(pixels, given["pixel_values"].numpy(), atol=1e-4)
    with torch.inference_mode():
        expected = unit(reference.get_image_features(**given))
    np.testing.assert_allclose(model.embed_images(pictures), expected, atol=1e-4)


def test_texts(model: DualTower, reference: Any, checkpoint: Path, texts: Sequence[str]) -> None:
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(checkpoint)
    second = tokenizer.pad_token == "<pad>"
    cleaned = [text.lower() if second else canonical(text) for text in texts]
    tokens = tokenizer(
        cleaned, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = unit(reference.get_text_features(input_ids=tokens["input_ids"]))
    np.testing.assert_allclose(model.embed_texts(texts), expected, atol=1e-4)


def canonical(text: str) -> str:
    """SigLIP's cleaning as transformers' tokenizer has it; the rest of that class wants another
    package."""
    tokenizer = transformers.models.siglip.tokenization_siglip.SiglipTokenizer
    made = tokenizer.__new__(tokenizer)
    made.__dict__["do_lower_case"] = True
    cleaned: str = tokenizer.canonicalize_text(made, text)
    return cleaned


def test_what_a_checkpoint_says_is_what_we_do(model: DualTower) -> None:
    assert (model.dimensions, model.image_size) == (32, 32)
    assert model.logit_scale == pytest.approx(np.exp(4.7), rel=1e-5)
    assert model.logit_bias == pytest.approx(-12.5)

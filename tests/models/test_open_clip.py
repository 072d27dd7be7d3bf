"""OpenCLIP against open_clip: CLIP's own text tower, XLM-RoBERTa and NLLB; weights and graphs."""

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from sensorium.errors import ModelMissing
from sensorium.models import open as open_model
from sensorium.roles import DualTower
from sensorium.spec import Folder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
open_clip = pytest.importorskip("open_clip")
safetensors = pytest.importorskip("safetensors.torch")

from sensorium.train.export_towers import export  # noqa: E402

Pictures = list[NDArray[np.uint8]]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.!'雪地里的一辆车狗猫"
TINY = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
PREPROCESS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bilinear"}


def own_text_tower(folder: Path) -> dict[str, Any]:
    """CLIP's tokenizer as the package has it, in the files of the Hub."""
    package = Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    merges = gzip.decompress(package.read_bytes()).decode("utf-8").split("\n")[1:48895]
    numbers = open_clip.tokenizer.SimpleTokenizer().encoder
    ends = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {ends.get(token, token): number for token, number in numbers.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    sizes = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
    return {"embed_dim": 16, "vision_cfg": TINY, "text_cfg": sizes}


def sentence_pieces(folder: Path, pieces: Sequence[str], template: str, named: str) -> None:
    """A tokenizer of single characters, as `named` of transformers loads it."""
    scored = [(piece, -float(number)) for number, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ends = [(one, pieces.index(one)) for one in template.split() if one != "$A"]
    tokenizer.post_processor = processors.TemplateProcessing(template, None, ends)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        sep_token="</s>",
        cls_token="<s>",
        additional_special_tokens=[piece for piece in pieces if piece.endswith(("Latn", "Hans"))],
    ).save_pretrained(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": named}))


def xlm_roberta(folder: Path) -> dict[str, Any]:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, "<mask>"]
    sentence_pieces(folder, pieces, "<s> $A </s>", "PreTrainedTokenizerFast")
    transformers.XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=40,
        pad_token_id=1,
    ).save_pretrained(folder / "text")
    text = {
        "hf_model_name": str(folder / "text"),
        "hf_tokenizer_name": "xlm-roberta-base",
        "hf_proj_type": "mlp",
        "hf_pooler_type": "mean_pooler",
        "context_length": 24,
    }
    return {"embed_dim": 16, "vision_cfg": TINY, "text_cfg": text}


def nllb(folder: Path) -> dict[str, Any]:
    languages = ["eng_Latn", "zho_Hans", "jpn_Jpan", "kor_Hang"]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, *languages, "<mask>"]
    sentence_pieces(folder, pieces, "eng_Latn $A </s>", "PreTrainedTokenizerFast")
    transformers.M2M100Config(
        vocab_size=len(pieces),
        d_model=32,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=40,
        pad_token_id=1,
    ).save_pretrained(folder / "text")
    text = {
        "hf_model_name": str(folder / "text"),
        "hf_tokenizer_name": "facebook/nllb-200-distilled-600M",
        "hf_proj_type": "linear",
        "hf_pooler_type": "cls_pooler",
        "context_length": 24,
    }
    return {
        "embed_dim": 16,
        "custom_text": True,
        "init_logit_bias": -10,
        "vision_cfg": TINY,
        "text_cfg": text,
    }


TOWERS: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "own": (own_text_tower, "shortest"),
    "xlm-roberta": (xlm_roberta, "squash"),
    "nllb": (nllb, "longest"),
}


@pytest.fixture(scope="module", params=TOWERS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    write, resize = TOWERS[request.param]
    config = {"model_cfg": write(folder), "preprocess_cfg": {**PREPROCESS, "resize_mode": resize}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    module = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False)
    module.logit_scale.data.fill_(3.5)
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    safetensors.save_file(state, folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Folder(checkpoint), tmp_path_factory.mktemp("onnx") / "made").folder


@pytest.fixture(scope="module")
def graphs_alone(
    checkpoint: Path, exported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same in the layout of graphs: `visual/` and `textual/`."""
    folder: Path = tmp_path_factory.mktemp("graphs")
    config = json.loads((checkpoint / "open_clip_config.json").read_text())
    for name in ("visual", "textual"):
        (folder / name).mkdir()
    shutil.copy(exported / "onnx" / "vision_model.onnx", folder / "visual" / "model.onnx")
    shutil.copy(exported / "onnx" / "text_model.onnx", folder / "textual" / "model.onnx")
    preprocess = {**config["preprocess_cfg"], "size": [32, 32], "mode": "RGB", "fill_color": 0}
    (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps(preprocess))
    (folder / "config.json").write_text(json.dumps(config["model_cfg"]))
    for path in checkpoint.iterdir():
        if path.name.startswith(("tokenizer", "special", "vocab.", "merges.")):
            shutil.copy(path, folder / "textual" / path.name)
    return folder


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> tuple[Any, Any]:
    """open_clip's (model, preprocessing)."""
    module, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{checkpoint}")
    return module.eval(), preprocess


@pytest.fixture(params=["torch", "onnx", "graphs"])
def model(
    request: pytest.FixtureRequest, checkpoint: Path, exported: Path, graphs_alone: Path
) -> DualTower:
    folder = {"torch": checkpoint, "onnx": exported, "graphs": graphs_alone}[request.param]
    return open_model(f"dir:{folder}", DualTower)


def test_pictures(model: DualTower, reference: tuple[Any, Any], pictures: Pictures) -> None:
    module, preprocess = reference
    given = torch.stack([preprocess(Image.fromarray(one)) for one in pictures])
    pixels = np.stack([model.prepare_image(one) for one in pictures])
    np.testing.assert_allclose(pixels, given.numpy(), atol=1e-4)
    with torch.inference_mode():
        expected = module.encode_image(given, normalize=True).numpy()
    np.testing.assert_allclose(model.embed_images(pictures), expected, atol=1e-4)


def test_texts(
    model: DualTower, reference: tuple[Any, Any], checkpoint: Path, texts: Sequence[str]
) -> None:
    tokenizer = open_clip.get_tokenizer(f"local-dir:{checkpoint}")
    inner: Any = getattr(tokenizer, "tokenizer", None)  # open_clip's own tokenizer has none
    spoken = inner is not None and "zho_Hans" in inner.get_vocab()
    for text in [*texts, "“curly” &amp; ｆｕｌｌ　ｗｉｄｔｈ，x", "two  dogs\nrun"]:
        tokens = tokenizer([text])
        if spoken and "雪" in text:
            assert tokens[0, 0] == inner.convert_tokens_to_ids("eng_Latn")
            tokens[0, 0] = inner.convert_tokens_to_ids("zho_Hans")
        with torch.inference_mode():
            expected = reference[0].encode_text(tokens, normalize=True).numpy()
        np.testing.assert_allclose(model.embed_texts([text]), expected, atol=1e-4)


def test_what_a_checkpoint_says_is_what_we_do(checkpoint: Path, exported: Path) -> None:
    bias = -10 if (checkpoint / "open_clip_config.json").read_text().count("init_logit_bias") else 0
    for folder in (checkpoint, exported):
        made = open_model(f"dir:{folder}", DualTower)
        assert (made.dimensions, made.image_size) == (16, 32)
        assert made.logit_scale == pytest.approx(np.exp(3.5), rel=1e-5)
        assert made.logit_bias == bias


def test_a_text_towers_config_is_never_asked_of_the_hub(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((checkpoint / "open_clip_config.json").read_text())
    if "hf_model_name" not in config["model_cfg"]["text_cfg"]:
        pytest.skip("open_clip's own text tower is in its weights")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    config["model_cfg"]["text_cfg"]["hf_model_name"] = "lab/text-tower"
    folder = tmp_path / "model"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "open_clip_config.json").unlink()
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelMissing, match="lab/text-tower"):
        open_model(f"dir:{folder}", DualTower)
    cache = tmp_path / "hf" / "hub" / "models--lab--text-tower"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("abc")
    (cache / "snapshots").mkdir()
    shutil.copytree(checkpoint / "text", cache / "snapshots" / "abc")
    made = open_model(f"dir:{folder}", DualTower).embed_texts(["a dog"])
    whole = open_model(f"dir:{checkpoint}", DualTower).embed_texts(["a dog"])
    np.testing.assert_allclose(made, whole, atol=1e-6)

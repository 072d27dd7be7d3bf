"""Two steps from every kind of start, and what is left of it: tiny networks, random weights."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnx")

from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

from sensorium import train  # noqa: E402
from sensorium.errors import InputError  # noqa: E402
from sensorium.models import open as open_model  # noqa: E402
from sensorium.roles import DualTower  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train.begin.builtin import begin_builtin  # noqa: E402
from sensorium.train.begin.checkpoint import begin_checkpoint  # noqa: E402
from sensorium.train.begin.lora import add_lora, merge_lora  # noqa: E402
from sensorium.train.encoders import EfficientNetLite, TextEncoder  # noqa: E402
from sensorium.train.losses import gathered_info_nce, info_nce, same  # noqa: E402
from sensorium.train.pieces import unigram  # noqa: E402
from sensorium.train.processes import Processes  # noqa: E402
from sensorium.train.recipes.builtin_dual_tower import Config as Made  # noqa: E402
from sensorium.train.recipes.builtin_dual_tower import write  # noqa: E402
from sensorium.train.starts import E5Weights  # noqa: E402
from sensorium.train.towers import ImageTower, TextTower, Towers  # noqa: E402

SHORT: dict[str, Any] = {"steps": 2, "batch": 4, "validate_every": 1, "device": "cpu"}
SMALL: dict[str, Any] = {
    "size": 16,
    "patch": 8,
    "width": 16,
    "layers": 1,
    "heads": 2,
    "length": 16,
    "vocabulary": 200,
    "dim": 8,
}
HIDDEN = 64
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁a", "▁red", "▁square", "红", "s"]


def opens(out: Path) -> DualTower:
    """The folder as a model, whose vectors are of unit length and of its own size."""
    tower = open_model(Folder(out), DualTower)
    pictures = [np.full((20, 30, 3), 90, np.uint8), np.full((30, 20, 3), 200, np.uint8)]
    for vectors in (tower.embed_images(pictures), tower.embed_texts(["a red square", "红"])):
        assert vectors.shape == (2, tower.dimensions)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    names = {path.name for path in out.iterdir()}
    assert {"README.md", "run.toml", "config.json", "tokenizer.json", "curves.png"} <= names
    return tower


@pytest.fixture(scope="module")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Towers]:
    """A folder as the built-in model's recipe writes it, and the towers that were written."""
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"emb.pos": (64 * HIDDEN,)}
    for name in ("emb.type", "emb.ln.w", "emb.ln.b"):
        shapes[name] = (HIDDEN,)
    for layer in ("l0", "l1"):
        for part in ("q", "k", "v", "ao"):
            shapes |= {f"{layer}.{part}.w": (HIDDEN, HIDDEN), f"{layer}.{part}.b": (HIDDEN,)}
        for part in ("aln", "oln"):
            shapes |= {f"{layer}.{part}.w": (HIDDEN,), f"{layer}.{part}.b": (HIDDEN,)}
        shapes |= {f"{layer}.fi.w": (4 * HIDDEN, HIDDEN), f"{layer}.fi.b": (4 * HIDDEN,)}
        shapes |= {f"{layer}.fo.w": (HIDDEN, 4 * HIDDEN), f"{layer}.fo.b": (HIDDEN,)}
    tensors = {
        name: torch.from_numpy(chance.normal(0, 0.1, shape).astype(np.float32))
        for name, shape in shapes.items()
    }
    packed = chance.integers(0, 256, (len(PIECES), HIDDEN // 2), np.uint8)
    scale = chance.uniform(0.01, 0.1, (len(PIECES), HIDDEN // 32)).astype(np.float16)
    weights = E5Weights(PIECES, [], packed, scale, tensors, layers=2, heads=4, eps=1e-12)
    encoder = TextEncoder(weights, list(range(len(PIECES))), [0, 1], 64)
    net = EfficientNetLite(width=0.25, depth=0.5).eval()
    image = ImageTower(net, torch.nn.Linear(1280, 1000), 32, dropout=0.0)
    torch.nn.init.normal_(image.project.weight, std=0.05)
    torch.nn.init.normal_(image.names)
    folder = tmp_path_factory.mktemp("built-in")
    towers = Towers(TextTower(encoder, HIDDEN, 32), image)
    scores = [0.0] * 4 + [-float(i) for i in range(4, len(PIECES))]
    write(Made(data=("",), out=folder, dim=32, size=64), (PIECES, scores), towers, folder)
    return folder, towers


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of CLIP's kind whose pieces are letters."""
    folder = tmp_path_factory.mktemp("letters")
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*signs, *(f"{sign}</w>" for sign in signs), "<|startoftext|>", "<|endoftext|>"]
    table = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(table), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    return folder


TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, letters: Path) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(letters)
    torch.manual_seed(0)
    text = {**TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 24}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = transformers.CLIPConfig(
        text_config=text,
        vision_config={**TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer.model_max_length = 24
    tokenizer.save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, resample=3
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text encoder of transformers' kind."""
    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "a", "red", "square", "number"]
    config = transformers.BertConfig(**TOWER, vocab_size=len(words), max_position_embeddings=34)
    transformers.BertModel(config).save_pretrained(folder)
    table = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image backbone of transformers' kind."""
    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(**TOWER, image_size=32, patch_size=8)
    transformers.ViTModel(config).save_pretrained(folder)
    says = {"size": {"height": 32, "width": 32}, "resample": 2, "do_center_crop": False}
    says |= {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.25]}
    (folder / "preprocessor_config.json").write_text(json.dumps(says), "utf-8")
    return folder


@pytest.mark.parametrize("loss", ["info-nce", "sigmoid"])
def test_from_nothing(tmp_path: Path, pairs_file: Path, loss: str) -> None:
    ended = train.run(
        "dual-tower", data=pairs_file, out=tmp_path, begin="nothing", loss=loss, **SHORT, **SMALL
    )
    assert ended.step == 2
    tower = opens(tmp_path)
    assert tower.dimensions == 8
    assert (tower.logit_bias == 0) == (loss == "info-nce")
    assert {"recall@10", "text to image recall@10, en", "image to text recall@1, zh"} <= set(
        ended.figures
    )


def test_the_ids_that_were_used_are_kept(tmp_path: Path, pairs_file: Path) -> None:
    train.run("dual-tower", data=pairs_file, out=tmp_path, begin="nothing", **SHORT, **SMALL)
    text = gzip.decompress((tmp_path / "ids.txt.gz").read_bytes())
    rows = [line.split("\t") for line in text.decode().splitlines()]
    assert sorted(one for split, one in rows if split == "val") == [f"p{n}" for n in range(32, 40)]
    assert len(rows) == 40
    card = (tmp_path / "README.md").read_text("utf-8")
    assert hashlib.sha256(text).hexdigest() in card
    assert "| | before | after |" in card


def test_the_built_in_towers_come_back_out_of_their_graphs(
    built_in: tuple[Path, Towers],
) -> None:
    folder, towers = built_in
    begun = begin_builtin(Checkpoint(Folder(folder), folder, "r"))
    again = begun.model.eval()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(again.pixels_to(pixels), towers.eval().image(pixels), atol=5e-3)
        words = begun.words(["a red square", "红"])
        assert torch.allclose(again.words_to(*words), towers.text(*words), atol=2e-2)
    assert float(again.log_scale) == pytest.approx(float(towers.image.log_scale), abs=1e-3)


def test_from_the_built_in(tmp_path: Path, pairs_file: Path, built_in: tuple[Path, Towers]) -> None:
    folder, _ = built_in
    train.run("dual-tower", data=pairs_file, out=tmp_path, begin=f"dir:{folder}", **SHORT)
    after = opens(tmp_path)
    before = open_model(Folder(folder), DualTower)
    texts = ["a red square"]
    assert after.dimensions == before.dimensions == 32
    assert np.abs(after.embed_texts(texts) - before.embed_texts(texts)).max() > 1e-5


@pytest.mark.parametrize("more", [{}, {"lora": 2}, {"at_once": 2, "freeze": "image"}])
def test_from_clip(tmp_path: Path, pairs_file: Path, clip: Path, more: dict[str, Any]) -> None:
    train.run("dual-tower", data=pairs_file, out=tmp_path, begin=f"dir:{clip}", **SHORT, **more)
    opens(tmp_path)
    after = transformers.CLIPModel.from_pretrained(tmp_path).state_dict()
    before = transformers.CLIPModel.from_pretrained(clip).state_dict()
    assert after.keys() == before.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("text_model") for name in moved)
    frozen = more.get("freeze") == "image"
    assert any(name.startswith("vision_model") for name in moved) != frozen
    if frozen:
        assert not {name for name in moved if name.startswith("vis")}, "it is to stay bit for bit"


def test_merged_lora_gives_what_the_adapters_gave(clip: Path) -> None:
    begun = begin_checkpoint(Checkpoint(Folder(clip), clip, "r"))
    model = begun.model
    bare = list(model.state_dict())
    groups = add_lora(model, 2)
    torch.manual_seed(1)
    for group in groups:
        for weight in group.parameters:
            weight.data.add_(torch.randn_like(weight) * 0.1)
    model.eval()
    squares = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    words = begun.words(["a red square", "dogs"])
    with torch.inference_mode():
        adapted = model.see(squares), model.read(*words)
    learns = sum(w.numel() for group in groups for w in group.parameters)
    assert learns < sum(w.numel() for w in model.parameters()) / 4
    merge_lora(model)
    assert list(model.state_dict()) == bare
    with torch.inference_mode():
        merged = model.see(squares), model.read(*words)
    for one, other in zip(adapted, merged, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_from_siglip_with_its_own_loss(tmp_path: Path, pairs_file: Path) -> None:
    folder = tmp_path / "siglip"
    folder.mkdir()
    unigram(PIECES, [0.0] * len(PIECES), 12).save(str(folder / "tokenizer.json"))
    text = {**TOWER, "vocab_size": len(PIECES), "max_position_embeddings": 12}
    config = transformers.SiglipConfig(
        text_config=text, vision_config={**TOWER, "image_size": 32, "patch_size": 8}
    )
    transformers.SiglipModel(config).save_pretrained(folder)
    says = {"size": {"height": 32, "width": 32}, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(says), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"pad_token": "</s>"}', "utf-8")
    out = tmp_path / "out"
    train.run("dual-tower", data=pairs_file, out=out, begin=f"dir:{folder}", lora=2, **SHORT)
    opens(out)
    assert "pairwise sigmoid" in (out / "README.md").read_text("utf-8")


def test_from_a_backbone_and_an_encoder(
    tmp_path: Path, pairs_file: Path, vit: Path, bert: Path
) -> None:
    fields: dict[str, Any] = {
        "image": f"dir:{vit}",
        "text": f"dir:{bert}",
        "dim": 8,
        "freeze": "image",
    }
    train.run("dual-tower", data=pairs_file, out=tmp_path, **fields, **SHORT)
    opens(tmp_path)
    weights = torch.load(tmp_path / "best.pt", weights_only=True)
    before = transformers.ViTModel.from_pretrained(vit).state_dict()
    kept = {name: value for name, value in before.items() if not name.startswith("pooler")}
    assert all(torch.equal(weights[f"image.net.{name}"], value) for name, value in kept.items())


def test_from_a_backbone_of_timm(tmp_path: Path, pairs_file: Path) -> None:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another torch
        pytest.skip(f"timm: {error}")
    folder = tmp_path / "timm"
    folder.mkdir()
    net = timm.create_model("test_vit", num_classes=3)
    from safetensors.torch import save_file

    save_file(net.state_dict(), folder / "model.safetensors")
    says = {"architecture": "test_vit", "num_classes": 3, "pretrained_cfg": {"tag": ""}}
    (folder / "config.json").write_text(json.dumps(says), "utf-8")
    out = tmp_path / "out"
    train.run("dual-tower", data=pairs_file, out=out, image=f"dir:{folder}", **SHORT, **SMALL)
    opens(out)


def test_from_masked_runs(tmp_path: Path, pairs_file: Path) -> None:
    shape: dict[str, Any] = {"width": 16, "layers": 1, "heads": 2}
    picture: dict[str, Any] = {"size": 16, "patch": 8, "painter": 1}
    words: dict[str, Any] = {"length": 16, "vocabulary": 200}
    train.run("masked-image", data=pairs_file, out=tmp_path / "i", **picture, **shape, **SHORT)
    train.run("masked-text", data=pairs_file, out=tmp_path / "t", **words, **shape, **SHORT)
    fields: dict[str, Any] = {"image": f"dir:{tmp_path / 'i'}", "dim": 8}
    fields["text"] = f"dir:{tmp_path / 't'}"
    train.run("dual-tower", data=pairs_file, out=tmp_path / "out", **fields, **SHORT)
    opens(tmp_path / "out")
    one: dict[str, Any] = {"begin": f"dir:{tmp_path / 'i'}", "dim": 8, **words, **shape}
    train.run("dual-tower", data=pairs_file, out=tmp_path / "one", **one, **SHORT)
    assert opens(tmp_path / "one").image_size == 16
    assert f"dir:{tmp_path / 'i'}" in (tmp_path / "one" / "README.md").read_text("utf-8")


def test_from_a_run_of_its_own(tmp_path: Path, pairs_file: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train.run("dual-tower", data=pairs_file, out=first, begin="nothing", **SHORT, **SMALL)
    fields: dict[str, Any] = {"data": pairs_file, "begin": f"dir:{first}", "lr": 0.0}
    train.run("dual-tower", out=second, **fields, **SHORT)
    texts = ["a red square", "红色"]
    again = opens(second).embed_texts(texts)
    assert np.allclose(again, opens(first).embed_texts(texts), atol=1e-5)


def test_a_teacher_is_learnt_from(
    tmp_path: Path, pairs_file: Path, built_in: tuple[Path, Towers]
) -> None:
    fields: dict[str, Any] = {"begin": "nothing", "teacher": f"dir:{built_in[0]}"}
    train.run("dual-tower", data=pairs_file, out=tmp_path, **fields, **SHORT, **SMALL)
    curve = (tmp_path / "curves.jsonl").read_text("utf-8")
    assert '"teacher"' in curve
    assert '"contrast"' in curve


@pytest.mark.parametrize("more", [{}, {"lora": 2, "ema": 0.9}])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, pairs_file: Path, clip: Path, more: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {**SHORT, **more, "data": pairs_file, "begin": f"dir:{clip}"}
    fields |= {"steps": 4, "validate_every": 4, "checkpoint_minutes": 0.0}
    train.run("dual-tower", out=tmp_path / "whole", **fields)
    events = train.stream("dual-tower", out=tmp_path / "part", **fields)
    while getattr(next(events), "number", 0) < 3:  # the third step is lost, two are kept
        pass
    events.close()  # type: ignore[attr-defined]
    train.run("dual-tower", out=tmp_path / "part", **fields)
    whole, part = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["model"]
        for name in ("whole", "part")
    )
    assert all(torch.equal(value, part[name]) for name, value in whole.items())


def test_what_cannot_be_begun_with(tmp_path: Path, pairs_file: Path, vit: Path) -> None:
    with pytest.raises(InputError, match="cannot be begun with") as raised:
        train.run("dual-tower", data=pairs_file, out=tmp_path, begin=f"dir:{vit}", **SHORT)
    assert "--image" in raised.value.hint


def test_a_batch_of_one_tells_nothing_apart(tmp_path: Path, pairs_file: Path) -> None:
    with pytest.raises(InputError, match="--batch cannot be 1"):
        train.run("dual-tower", data=pairs_file, out=tmp_path / "out", batch=1)


def test_a_shared_caption_is_right_for_every_picture_of_it() -> None:
    """Against a naive computation: pictures 0 and 2 have the same words."""
    chance = np.random.default_rng(3)
    images, texts = chance.normal(size=(3, 4)), chance.normal(size=(3, 4))
    keys = torch.tensor([[1, 7], [2, 8], [3, 7]])
    right = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool)
    assert np.array_equal(same(keys, keys).numpy(), right)
    scale = torch.tensor(0.5)
    here = Processes(0, 1, torch.device("cpu"))
    found = gathered_info_nce(torch.tensor(images), torch.tensor(texts), scale, here, keys)
    logits = np.exp(0.5) * images @ texts.T
    naive = 0.0
    for matrix in (logits, logits.T):
        logs = matrix - np.log(np.exp(matrix).sum(1, keepdims=True))
        naive -= (logs * right / right.sum(1, keepdims=True)).sum(1).mean() / 2
    assert float(found) == pytest.approx(naive, rel=1e-5)
    alone = gathered_info_nce(torch.tensor(images), torch.tensor(texts), scale, here)
    assert float(alone) == pytest.approx(
        float(info_nce(torch.tensor(images), torch.tensor(texts), scale))
    )

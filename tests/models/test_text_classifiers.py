"""BERT and its kin that classify texts, against transformers, on tiny random checkpoints."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from sensorium.errors import InputError
from sensorium.evaluate.emotion import emotion as evaluate
from sensorium.models import open as open_model
from sensorium.roles import TextClassifier
from sensorium.tasks.emotion import emotion as read_emotion

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.runtime.torch import TorchSession  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.!'一两只狗猫雪地里的辆车草上跑"
TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.5,  # so that classes differ by more than rounding
}
FEELINGS = ("joy", "anger", "愤怒", "sad", "Sarcasm")
Write = Callable[[Path], None]


def word_pieces(folder: Path) -> None:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
    pieces += [f"##{letter}" for letter in LETTERS] + ["dogs", "photo", "run", "##ning"]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", "utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)


def byte_pairs(folder: Path) -> None:
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["Ġ t", "d o", "do g", "Ġ a", "i n", "in g"]
    words = ["<s>", "<pad>", "</s>", "<unk>", *signs, *("".join(m.split()) for m in merges)]
    words.append("<mask>")
    table = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(table), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    transformers.RobertaTokenizer.from_pretrained(folder).save_pretrained(folder)


def sentence_pieces(folder: Path) -> None:
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0 - n / 10) for n, letter in enumerate(LETTERS)]
    pieces += [("▁dog", -4.0), ("▁of", -4.0), ("▁a", -3.5), ("ning", -4.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, ends)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=24,
    ).save_pretrained(folder)


@dataclass(frozen=True)
class Kind:
    name: str
    config: dict[str, Any]
    write: Write


_BERT = TINY | {"max_position_embeddings": 24}
_ROBERTA = TINY | {"max_position_embeddings": 26, "pad_token_id": 1, "type_vocab_size": 1}
KINDS = {
    "bert": Kind("Bert", _BERT, word_pieces),
    "electra": Kind("Electra", _BERT | {"embedding_size": 16}, word_pieces),
    "distilbert": Kind(
        "DistilBert",
        {
            "dim": 32,
            "hidden_dim": 64,
            "n_layers": 2,
            "n_heads": 2,
            "max_position_embeddings": 24,
            "initializer_range": 0.5,
        },
        word_pieces,
    ),
    "roberta": Kind("Roberta", _ROBERTA, byte_pairs),
    "xlm-roberta": Kind("XLMRoberta", _ROBERTA, sentence_pieces),
}


def write_checkpoint(folder: Path, kind: Kind, labels: Sequence[str], **more: Any) -> None:
    kind.write(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    named = dict(enumerate(labels))
    config = getattr(transformers, f"{kind.name}Config")(
        **kind.config, **more, vocab_size=len(tokenizer), id2label=named
    )
    getattr(transformers, f"{kind.name}ForSequenceClassification")(config).save_pretrained(folder)


def export(folder: Path, target: Path, name: str = "onnx/model.onnx") -> None:
    """As Optimum lays it out: settings and tokenizer beside the graph, no weights."""
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    (target / name).parent.mkdir(exist_ok=True)
    inputs = ["input_ids", "attention_mask"]
    if module.config.model_type in ("bert", "electra"):
        inputs.append("token_type_ids")
    example = tuple(torch.ones(2, 7, dtype=torch.long) for _ in inputs)
    torch.onnx.export(
        TorchSession(module, "forward", tuple(inputs), "logits", Device.CPU).graph(),
        example,
        str(target / name),
        input_names=inputs,
        output_names=["logits"],
        dynamic_axes={one: {0: "n", 1: "t"} for one in inputs} | {"logits": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    write_checkpoint(folder, KINDS[request.param], FEELINGS)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx") / "made"
    export(checkpoint, folder)
    return folder


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest, checkpoint: Path, exported: Path) -> TextClassifier:
    folder = checkpoint if request.param == "torch" else exported
    return open_model(f"dir:{folder}", TextClassifier)


def reference(folder: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """What transformers' own tokenizer and network say, (n, labels)."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    limit = min(tokenizer.model_max_length, 24)
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
    with torch.inference_mode():
        chances: NDArray[np.float32] = module(**tokens).logits.softmax(-1).numpy()
    return chances


def test_chances_are_those_of_transformers(
    model: TextClassifier, checkpoint: Path, texts: Sequence[str]
) -> None:
    expected = reference(checkpoint, texts)
    assert np.ptp(expected, axis=0).max() > 0.01  # the texts are told apart
    assert model.heads == {"emotion": ("anger", "happiness", "sadness", "Sarcasm")}
    made = model.classify_texts(texts)["emotion"]
    ours = np.stack([expected[:, 1] + expected[:, 2], *expected[:, [0, 3, 4]].T], axis=1)
    np.testing.assert_allclose(made, ours, atol=1e-4)


def test_files_of_before_tokenizer_json_will_do(
    checkpoint: Path, exported: Path, texts: Sequence[str], tmp_path: Path
) -> None:
    if not {"vocab.txt", "vocab.json"} & {path.name for path in checkpoint.iterdir()}:
        pytest.skip("its pieces were never in a text file")
    bare = tmp_path / "bare"
    ignored = shutil.ignore_patterns("tokenizer.json")
    shutil.copytree(exported, bare, ignore=ignored)
    made = open_model(f"dir:{bare}", TextClassifier).classify_texts(texts)
    whole = open_model(f"dir:{exported}", TextClassifier).classify_texts(texts)
    np.testing.assert_array_equal(made["emotion"], whole["emotion"])


def test_words_stand_where_they_are(model: TextClassifier) -> None:
    text = "Dogs are running, 雪地!"
    words = [text[start:end] for start, end in model.word_places(text)]
    assert words == ["Dogs", "are", "running", "雪", "地"]
    long = "dogs run " * 60
    assert len(model.word_places(long)) == 120


def test_nothing_in_gives_nothing_out(model: TextClassifier) -> None:
    assert model.classify_texts([])["emotion"].shape == (0, 4)
    assert model.word_places("") == ()


def test_a_graph_at_the_root_is_found(
    checkpoint: Path, exported: Path, texts: Sequence[str], tmp_path: Path
) -> None:
    export(checkpoint, tmp_path / "root", "model.onnx")
    made = open_model(f"dir:{tmp_path / 'root'}", TextClassifier).classify_texts(texts)
    whole = open_model(f"dir:{exported}", TextClassifier).classify_texts(texts)
    np.testing.assert_allclose(made["emotion"], whole["emotion"], atol=1e-6)


def test_a_model_of_sentiment_serves_that_head_alone(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, KINDS["bert"], ("NEGATIVE", "POSITIVE"))
    model = open_model(f"dir:{tmp_path}", TextClassifier)
    assert model.heads == {"sentiment": ("negative", "positive")}


def test_classes_that_are_judged_apart(tmp_path: Path) -> None:
    """As GoEmotions' models are: a sigmoid a class."""
    more = {"problem_type": "multi_label_classification"}
    write_checkpoint(tmp_path, KINDS["bert"], ("joy", "anger", "love"), **more)
    model = open_model(f"dir:{tmp_path}", TextClassifier)
    module = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(tmp_path)("dogs", return_tensors="pt")
    with torch.inference_mode():
        joy, anger, love = module(**tokens).logits.sigmoid()[0].tolist()
    expected = np.array([[anger, joy + love]]) / (joy + anger + love)
    made = model.classify_texts(["dogs"])["emotion"]
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_a_network_without_a_head_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, KINDS["bert"], FEELINGS)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    config["architectures"] = ["BertForMaskedLM"]
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match="BertForMaskedLM"):
        open_model(f"dir:{tmp_path}", TextClassifier)


def test_it_is_measured_by_its_folder(exported: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    labels = ["anger", "happiness", "sadness", "fear", "anger"]
    rows = {"text": [f"dogs {n} run" for n in range(5)], "emotion": labels}
    pq.write_table(pa.table(rows), tmp_path / "texts.parquet")
    report = evaluate(str(tmp_path / "texts.parquet"), target="emotion", model=f"dir:{exported}")
    assert (report.n, report.unknown_labels) == (4, {"fear": 1})
    assert report.labels == ("anger", "happiness", "sadness", "Sarcasm")
    assert np.sum(report.confusion) == 4


def test_what_is_no_label_of_ours_is_kept_and_said(exported: Path) -> None:
    timeline = read_emotion("dogs run. cars in the snow.", text_model=f"dir:{exported}")
    assert set(timeline.evidence[0].emotion) == {"anger", "happiness", "sadness", "Sarcasm"}
    assert "Sarcasm" not in timeline.rows["text"].probabilities
    assert any("also tells Sarcasm" in note for note in timeline.notes)

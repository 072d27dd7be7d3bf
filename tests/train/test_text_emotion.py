"""The recipe of the reader of emotions, on networks and data small enough to make here."""

from pathlib import Path

import numpy as np
import pytest

from sensorium.train.labelled import clean, near_duplicates, read_labelled

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium.models.text_emotion import TextEmotionReader, code_points, filled  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train import run  # noqa: E402
from sensorium.train.distil import padded  # noqa: E402
from sensorium.train.encoders import TextEncoder  # noqa: E402
from sensorium.train.recipes import text_emotion as recipe  # noqa: E402
from sensorium.train.starts import E5Weights, Start  # noqa: E402
from sensorium.train.text_emotion import (  # noqa: E402
    TextBag,
    TextEmotion,
    fit_mix,
    masked_loss,
)

HIDDEN = 64
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁glad", "▁sad", "气", "好", "s", "▁i", "▁am"]


def e5() -> E5Weights:
    """Random weights in the layout of the real ones: 64 wide, one layer, twelve pieces."""
    chance = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"emb.pos": (64 * HIDDEN,), "emb.type": (HIDDEN,)}
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for part in ("q", "k", "v", "ao"):
        shapes |= {f"l0.{part}.w": (HIDDEN, HIDDEN), f"l0.{part}.b": (HIDDEN,)}
    for part in ("aln", "oln"):
        shapes |= {f"l0.{part}.w": (HIDDEN,), f"l0.{part}.b": (HIDDEN,)}
    shapes |= {"l0.fi.w": (4 * HIDDEN, HIDDEN), "l0.fi.b": (4 * HIDDEN,)}
    shapes |= {"l0.fo.w": (HIDDEN, 4 * HIDDEN), "l0.fo.b": (HIDDEN,)}
    tensors = {
        name: torch.from_numpy(chance.normal(0, 0.1, shape).astype(np.float32))
        for name, shape in shapes.items()
    }
    packed = chance.integers(0, 256, (len(PIECES), HIDDEN // 2), np.uint8)
    scale = chance.uniform(0.01, 0.1, (len(PIECES), HIDDEN // 32)).astype(np.float16)
    scores = [0.0] * 4 + [-float(i) for i in range(4, len(PIECES))]
    return E5Weights(PIECES, scores, packed, scale, tensors, layers=1, heads=4, eps=1e-12)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two corpora: one of both labels with a dev part, one of two sentiments without."""
    import pyarrow.parquet as pq

    rows: list[tuple[str | None, ...]] = []
    for number in range(40):
        glad = number % 2 == 0
        rows.append(
            (f"i am {'glad' if glad else 'sad'} {number}", "en", "both", "positive" if glad else
             ("neutral" if number % 4 == 1 else "negative"), "happiness" if glad else "sadness",
             "dev" if number >= 30 else "train")
        )  # fmt: skip
        words = "好" if glad else "气"
        rows.append(
            (f"{words}{number}", "zh", "two", "positive" if glad else "negative", None, "train")
        )
    names = ["text", "language", "source", "sentiment", "emotion", "split"]
    columns = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    pq.write_table(pa.table(columns), tmp_path / "texts.parquet")
    return tmp_path / "texts.parquet"


def test_rows_are_held_back_by_group(data: Path) -> None:
    rows = read_labelled(data, share=0.3)
    both = [row for row in rows if row.source == "both"]
    assert sum(row.held for row in both) == 10 and not any(row.two for row in both)
    two = [row for row in rows if row.source == "two"]
    assert all(row.two and row.emotion == -1 for row in two)
    assert 0 < sum(row.held for row in two) < len(two)
    assert [row.text for row in read_labelled(data, share=0.3)] == [row.text for row in rows]


def test_near_duplicates_share_a_group() -> None:
    long = "the quick brown fox jumps over the lazy dog and runs into the forest at night"
    texts = [long, f"Well, {long.upper()}!!", long[8:], "something else that is quite long too"]
    first, second, part, other = near_duplicates(texts)
    assert first == second == part != other


def test_what_gives_labels_away_is_stripped() -> None:
    assert clean("真好[哈哈] http://t.cn/abc @名字: 谢谢", "weibo_senti_100k") == "真好 谢谢"
    assert clean("真好[哈哈]") == "真好[哈哈]"


def test_loss_against_naive_sums() -> None:
    chance = np.random.default_rng(0)
    logits = chance.normal(size=(3, 10))
    labels = np.array([[0, 3], [2, -1], [-1, 6]])
    two = np.array([False, True, False])
    total = 0.0
    for row, (sentiment, emotion), pair in zip(logits, labels, two, strict=True):
        if sentiment >= 0:
            among = row[[0, 2]] if pair else row[:3]
            total -= row[sentiment] - np.log(np.exp(among).sum())
        if emotion >= 0:
            total -= row[3 + emotion] - np.log(np.exp(row[3:]).sum())
    found = masked_loss(torch.tensor(logits), torch.tensor(labels), torch.tensor(two), 0.0)
    assert float(found) == pytest.approx(total / 4, rel=1e-5)


def test_the_mix_finds_the_part_that_knows_and_its_temperature() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (400, 1)).expand(-1, 2).contiguous()
    knows = torch.zeros(400, 10)
    knows[torch.arange(400), labels[:, 0]] = 2.0
    knows[torch.arange(400), 3 + labels[:, 1]] = 2.0
    wrong = torch.rand(400) < 0.3
    knows[wrong] = knows[wrong][torch.randperm(int(wrong.sum()))]
    noise = torch.randn(400, 10)
    mix = fit_mix(knows, noise, labels, torch.zeros(400, dtype=torch.bool))
    assert mix.shape == (2, 10)
    assert (mix[0] > 0.5).all() and (mix[1] < 0.2).all()


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    bag = TextBag(len(PIECES), 16, 16)
    torch.nn.init.normal_(bag.table.weight)
    encoder = TextEncoder(e5(), list(range(len(PIECES))), [0], 64)
    model = TextEmotion(encoder, bag, HIDDEN, 0.0).eval()
    with torch.no_grad():
        both = [code_points(text, 320) for text in ("glad", "i am sads")]
        letters = torch.from_numpy(filled(both, 0))
        together = model(*padded([[0, 5, 2], [0, 10, 11, 6, 9, 2]]), letters)
        alone = model(*padded([[0, 5, 2]]), letters[:1, :6])
    assert torch.allclose(together[0], alone[0], atol=1e-4)


def test_a_run_learns_and_its_folder_opens(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Start, "path", lambda self: tmp_path)
    monkeypatch.setattr(recipe, "read_e5", lambda _: e5())
    out = tmp_path / "out"
    ended = run(
        "text-emotion", data=[str(data)], out=str(out), device="cpu", layers="0", rows=12,
        longest=32, pairs=64, runs=64, bag_steps=60, bag_batch=32, bag_lr=0.05, steps=4, batch=16,
        validate_every=4, frozen_layers=0, precision="fp32", ema=0.0,
    )  # fmt: skip
    assert ended.step == 4 and "both" in ended.figures
    reader = TextEmotionReader(Checkpoint(Folder(out), out, "r"), Device.CPU)
    told = reader.classify_texts(["i am glad", "i am sad", "好"])
    assert told["emotion"].shape == (3, 7) and told["sentiment"].shape == (3, 3)
    assert np.allclose(told["emotion"].sum(1), 1, atol=1e-5)
    happy = reader.heads["emotion"].index("happiness")
    assert told["emotion"][0, happy] > told["emotion"][1, happy]
    alone = reader.classify_texts(["好"])
    assert np.allclose(alone["emotion"][0], told["emotion"][2], atol=1e-4)
    assert [slice(*p) for p in reader.word_places("glad, 好!")] == [slice(0, 4), slice(6, 7)]

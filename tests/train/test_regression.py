"""The bag's weights of emotion, fitted to all rows at once."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sensorium.train.felt import Texts  # noqa: E402
from sensorium.train.regression import rarity, regress_emotions, seen  # noqa: E402
from sensorium.train.text_emotion import TextBag  # noqa: E402

PENALTY, SMOOTHING = 1e-3, 0.05


@pytest.fixture
def texts() -> Texts:
    """120 texts of up to nine pieces of twenty and as many letters; the first piece tells."""
    chance = np.random.default_rng(0)
    pieces = [chance.integers(0, 20, chance.integers(1, 10)).tolist() for _ in range(120)]
    letters = [chance.integers(97, 105, len(row)).astype(np.int32) for row in pieces]
    labels = np.array([(-1, row[0] % 7 if at % 5 else -1) for at, row in enumerate(pieces)])
    two = np.zeros(120, bool)
    return Texts(pieces, letters, labels, two, np.arange(120) % 2, ("one", "other"))


def test_rows_are_what_the_bag_sums(texts: Texts) -> None:
    torch.manual_seed(0)
    bag = TextBag(20, 16, 32).eval()
    torch.nn.init.normal_(bag.table.weight)
    with torch.no_grad():
        found = seen(bag, texts, 128) @ bag.table.weight
        expected = bag(*texts.read(128), texts.spelt())
    assert torch.allclose(found, expected, atol=1e-4)


def test_weights_of_sentiment_stay_and_those_of_emotion_are_at_the_lowest(texts: Texts) -> None:
    torch.manual_seed(0)
    bag = TextBag(20, 16, 32).eval()
    torch.nn.init.normal_(bag.table.weight)
    before = bag.table.weight.detach().clone()
    regress_emotions(bag, texts, 128, PENALTY, SMOOTHING, steps=300)
    assert torch.equal(bag.table.weight[:, :3], before[:, :3])
    known = np.nonzero(texts.labels[:, 1] >= 0)[0]
    some = texts.take(known)
    weigh = torch.from_numpy(texts.chances()[known]).float()
    each = torch.nn.functional.cross_entropy(
        bag(*some.read(128), some.spelt())[:, 3:], some.truth()[0][:, 1],
        reduction="none", label_smoothing=SMOOTHING,
    )  # fmt: skip
    scale = rarity(seen(bag, some, 128))
    loss = (weigh * each).sum() / weigh.sum()
    loss = loss + PENALTY / 2 * (bag.table.weight[:, 3:] / scale[:, None]).square().sum()
    (slope,) = torch.autograd.grad(loss, bag.table.weight)
    assert float(slope.norm()) < 1e-3

"""Every loss against a naive computation in NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
losses = pytest.importorskip("sensorium.train.losses")

Rows = NDArray[np.float64]


def unit(random: np.random.Generator, count: int, size: int = 6) -> Rows:
    rows = random.normal(size=(count, size))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def softmax_loss(logits: Rows, target: NDArray[Any]) -> float:
    """Row by row, term by term."""
    total, counted = 0.0, 0
    for row, wanted in zip(logits, target, strict=True):
        if wanted.sum() == 0:
            continue
        log_sum = np.log(np.exp(row - row.max()).sum()) + row.max()
        total -= sum(w / wanted.sum() * (x - log_sum) for x, w in zip(row, wanted, strict=True))
        counted += 1
    return total / max(counted, 1)


def tensors(*arrays: Any) -> list[Any]:
    return [torch.from_numpy(np.asarray(one)) for one in arrays]


@given(st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_info_nce(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images, texts = unit(random, count), unit(random, count)
    logits = np.exp(2.0) * images @ texts.T
    wanted = (softmax_loss(logits, np.eye(count)) + softmax_loss(logits.T, np.eye(count))) / 2
    got = losses.info_nce(*tensors(images, texts, 2.0))
    assert float(got) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_info_nce_with_several_positives() -> None:
    random = np.random.default_rng(0)
    images, texts = unit(random, 4), unit(random, 7)
    positives = random.random((4, 7)) < 0.4
    positives[2] = False  # a picture that none of the texts is about
    logits = np.exp(1.0) * images @ texts.T
    both = softmax_loss(logits, positives * 1.0), softmax_loss(logits.T, positives.T * 1.0)
    got = losses.info_nce(*tensors(images, texts, 1.0, positives))
    assert float(got) == pytest.approx(sum(both) / 2)


def test_info_nce_of_pairs_is_that_of_a_diagonal() -> None:
    random = np.random.default_rng(1)
    pairs = tensors(unit(random, 5), unit(random, 5), 2.0)
    for smoothing in (0.0, 0.1):
        plain = losses.info_nce(*pairs, smoothing=smoothing)
        told = losses.info_nce(*pairs, torch.eye(5, dtype=torch.bool), smoothing)
        assert float(plain) == pytest.approx(float(told))


def test_the_scale_is_capped_at_100() -> None:
    pairs = tensors(unit(np.random.default_rng(2), 3), unit(np.random.default_rng(3), 3))
    at_cap = losses.info_nce(*pairs, torch.tensor(float(np.log(100)), dtype=torch.float64))
    beyond = losses.info_nce(*pairs, torch.tensor(9.0, dtype=torch.float64))
    assert float(beyond) == pytest.approx(float(at_cap), rel=1e-4)


@pytest.mark.parametrize("several", [False, True])
def test_pairwise_sigmoid(several: bool) -> None:
    random = np.random.default_rng(4)
    images, texts = unit(random, 3), unit(random, 5 if several else 3)
    positives = random.random((3, 5)) < 0.4 if several else np.eye(3, dtype=bool)
    total = 0.0
    for i in range(len(images)):
        for j in range(len(texts)):
            logit = np.exp(1.5) * float(images[i] @ texts[j]) - 4.0
            total += np.log1p(np.exp(-logit if positives[i, j] else logit))
    told = tensors(positives) if several else []
    got = losses.pairwise_sigmoid(*tensors(images, texts, 1.5, -4.0), *told)
    assert float(got) == pytest.approx(total / 3)


def test_masked_language() -> None:
    random = np.random.default_rng(5)
    logits, targets = random.normal(size=(2, 4, 9)), np.full((2, 4), -100)
    targets[0, 1], targets[1, 3] = 5, 2
    hidden = np.stack([logits[0, 1], logits[1, 3]])
    got = losses.masked_language(*tensors(logits, targets))
    assert float(got) == pytest.approx(softmax_loss(hidden, np.eye(9)[[5, 2]]))


def test_masked_language_with_nothing_hidden() -> None:
    got = losses.masked_language(torch.zeros(1, 3, 4), torch.full((1, 3), -100))
    assert float(got) == 0


def test_masked_patches() -> None:
    random = np.random.default_rng(6)
    predicted, patches = random.normal(size=(2, 3, 8)), random.normal(size=(2, 3, 8)) * 4 + 1
    hidden = np.array([[True, False, False], [False, True, True]])
    errors = []
    for n, p in zip(*np.nonzero(hidden), strict=True):
        patch = patches[n, p]
        wanted = (patch - patch.mean()) / np.sqrt(patch.var(ddof=1) + 1e-6)
        errors.append(np.mean((predicted[n, p] - wanted) ** 2))
    got = losses.masked_patches(*tensors(predicted, patches, hidden))
    assert float(got) == pytest.approx(np.mean(errors))


def test_distilled() -> None:
    random = np.random.default_rng(7)
    student, teacher = random.normal(size=(3, 4)), random.normal(size=(3, 4))

    def softmax(rows: Rows) -> Rows:
        return np.asarray(np.exp(rows) / np.exp(rows).sum(1, keepdims=True))

    p, q = softmax(teacher / 2), softmax(student / 2)
    wanted = 4 * (p * np.log(p / q)).sum(1).mean()
    assert float(losses.distilled(*tensors(student, teacher), 2.0)) == pytest.approx(wanted)
    assert float(losses.distilled(*tensors(teacher, teacher))) == pytest.approx(0, abs=1e-12)


def test_matched() -> None:
    logits, belongs = np.array([2.0, -1.0, 0.5]), np.array([True, False, False])
    share = 1 / (1 + np.exp(-logits))
    wanted = -np.log(np.where(belongs, share, 1 - share)).mean()
    assert float(losses.matched(*tensors(logits, belongs))) == pytest.approx(wanted)

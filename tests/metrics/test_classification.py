import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion,
    macro_f1,
    top_k_hits,
    weighted_f1,
)

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)
Pairs = list[tuple[int, int]]


def naive_f1(pairs: Pairs, one: int) -> float:
    hits = sum(named == one == right for named, right in pairs)
    named = sum(named == one for named, _ in pairs)
    right = sum(right == one for _, right in pairs)
    if not hits:
        return 0.0
    precision, recall = hits / named, hits / right
    return 2 * precision * recall / (precision + recall)


@given(LABELS)
def test_against_naive_counts(pairs: Pairs) -> None:
    named, right = zip(*pairs, strict=True)
    recalls = [
        sum(n == r for n, r in pairs if r == one) / right.count(one) for one in sorted(set(right))
    ]
    f1 = [naive_f1(pairs, one) for one in sorted({*named, *right})]
    assert accuracy(named, right) == sum(n == r for n, r in pairs) / len(pairs)
    assert balanced_accuracy(named, right) == pytest.approx(sum(recalls) / len(recalls))
    assert macro_f1(named, right) == pytest.approx(sum(f1) / len(f1))
    weights = [right.count(one) for one in sorted({*named, *right})]
    weighted = sum(f * w for f, w in zip(f1, weights, strict=True)) / len(pairs)
    assert weighted_f1(named, right) == pytest.approx(weighted)
    table = confusion(named, right, 4)
    assert table.sum() == len(pairs)
    assert all(table[r, n] == pairs.count((n, r)) for r in range(4) for n in range(4))


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=12),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_top_k_sorts_ties_against_us(rows: list[list[int]], right: int, k: int) -> None:
    orders = [sorted(range(4), key=lambda one: (-row[one], one == right)) for row in rows]
    naive = [right in order[:k] for order in orders]
    assert top_k_hits(np.array(rows), [right] * len(rows), k).tolist() == naive


def test_misshapen_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        accuracy([1, 2], [1])
    with pytest.raises(ValueError, match="do not fit"):
        top_k_hits([[0.1, 0.2]], [0, 1], 1)
    with pytest.raises(ValueError, match="not a number"):
        top_k_hits([[0.1, float("nan")]], [0], 1)

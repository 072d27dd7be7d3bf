from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from sensorium.roles import DualTower  # noqa: E402
from sensorium.train.data import Pairs, read_pairs  # noqa: E402
from sensorium.train.negatives import hard_negatives  # noqa: E402
from sensorium.train.pair import Pair  # noqa: E402


def test_negatives_are_near_and_never_ones_own(pairs_file: Path, tower: DualTower) -> None:
    pairs = read_pairs(pairs_file)
    twin = Pair("twin", "twin", pairs[0].image, {"en": pairs[0].captions["en"]})
    broken = Pair("broken", "broken", b"nothing", {"en": ("a blue square",)})
    some = Pairs([*pairs.pairs[:20], twin, broken])
    found = hard_negatives(tower, some, 4)
    assert found.shape == (22, 4)
    for place, near in enumerate(found):
        assert place not in near
        own = some[place].texts
        assert not any(some[int(one)].texts[0] in own for one in near)
    # The made-up colours come round every four pairs: a red square's hardest are other red ones.
    assert all(int(one) % 4 == 1 for one in found[1])
    assert all(some[int(one)].texts[0].startswith("a blue") for one in found[21])

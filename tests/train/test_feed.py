from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.train.data import Pairs, read_pairs
from sensorium.train.feed import Batch, Feed, Part, keep, order, pixels_of
from sensorium.train.pair import Pair
from sensorium.train.view import View


@pytest.fixture
def pairs(pairs_file: Path) -> Pairs:
    return read_pairs(pairs_file).split()[0]


def take(feed: Feed, start: int, count: int) -> list[Batch]:
    return list(islice(feed.batches(start), count))


def same(one: Batch, other: Batch) -> bool:
    return [d.pair.id for d in one] == [d.pair.id for d in other] and bool(
        np.array_equal(pixels_of(one), pixels_of(other))
    )


def test_the_same_from_any_batch_on(pairs: Pairs) -> None:
    whole = take(Feed(pairs, 5, 7, View(16)), 0, 14)
    later = take(Feed(pairs, 5, 7, View(16)), 9, 5)
    assert all(same(one, other) for one, other in zip(whole[9:], later, strict=True))
    assert [d.text() for d in whole[9]] == [d.text() for d in later[0]]


def test_every_pair_once_in_a_pass(pairs: Pairs) -> None:
    drawn = [d.pair.id for batch in take(Feed(pairs, 8, 1, None), 0, 8) for d in batch]
    assert sorted(drawn[:32]) == sorted(pair.id for pair in pairs)
    assert sorted(drawn[32:]) == sorted(drawn[:32])
    assert drawn[32:] != drawn[:32]


def test_another_seed_another_order(pairs: Pairs) -> None:
    one, other = (take(Feed(pairs, 8, seed, None), 0, 1)[0] for seed in (1, 2))
    assert [d.pair.id for d in one] != [d.pair.id for d in other]


def test_processes_share_a_batch(pairs: Pairs) -> None:
    view = View(16)
    whole = take(Feed(pairs, 8, 3, view), 2, 1)[0]
    parts = [take(Feed(pairs, 8, 3, view, Part(rank, 2)), 2, 1)[0] for rank in (0, 1)]
    assert same(whole, (*parts[0], *parts[1]))
    with pytest.raises(InputError, match="cannot be shared"):
        Feed(pairs, 7, 3, view, Part(0, 2))


def test_a_bad_picture_is_replaced_and_told(pairs: Pairs, draw: Callable[[int], bytes]) -> None:
    broken = Pair("broken", "list.txt, line 9", draw(1)[:60], {"en": ("gone",)})
    feed = Feed(Pairs([*pairs.pairs[:7], broken]), 8, 0, View(16))
    batch = take(feed, 0, 1)[0]
    assert "broken" not in [d.pair.id for d in batch]
    assert list(feed.bad) == ["list.txt, line 9"]
    assert same(batch, take(feed, 0, 1)[0])


def test_nothing_but_bad_pictures_ends_it() -> None:
    feed = Feed(Pairs([Pair("x", "rows.jsonl, line 1", b"nothing", {})]), 1, 0, View(16))
    with pytest.raises(InputError, match="in a row"):
        take(feed, 0, 1)


def test_captions_that_tell_sides_are_not_mirrored(draw: Callable[[int], bytes]) -> None:
    still = View(24, scale=1)

    def mirrored(words: str) -> int:
        pair = Pair("x", "", draw(0), {"en": (words,)})
        plain = still.plain(pair)
        views = [still(pair, np.random.default_rng(n)) for n in range(20)]
        return sum(not np.array_equal(view, plain) for view in views)

    assert 4 < mirrored("a red square") < 16
    assert mirrored("a man on the left") == mirrored("左边的人") == 0


def test_validation_sees_whole_pictures(pairs: Pairs) -> None:
    kept = keep(pairs, View(16), 5)
    assert kept.pixels.shape == (5, 16, 16, 3)
    assert np.array_equal(kept.pixels[0], View(16).plain(pairs[0]))
    assert kept.captions[1] == pairs[1].captions


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(0, 5))
def test_an_order_is_a_permutation(blocks: list[int], epoch: int) -> None:
    places = order(blocks, 1, epoch)
    assert sorted(places) == list(range(sum(blocks)))


def test_near_rows_are_drawn_together() -> None:
    places = order([100] * 40, 0, 0)
    for first in range(0, 3500, 700):
        assert len({int(place) // 100 for place in places[first : first + 700]}) == 7

from itertools import islice

import pytest

torch = pytest.importorskip("torch")

from sensorium.train.turns import each_once  # noqa: E402


def test_each_comes_once_a_turn_and_a_run_goes_on_where_it_was() -> None:
    batches = list(islice(each_once(10, 3, seed=1, number=0), 7))
    for turn in (batches[:3], batches[3:6]):
        rows = torch.cat(turn).tolist()
        assert len(rows) == len(set(rows)) == 9
    assert not torch.equal(torch.cat(batches[:3]), torch.cat(batches[3:6]))
    resumed = list(islice(each_once(10, 3, seed=1, number=4), 3))
    assert all(torch.equal(one, other) for one, other in zip(resumed, batches[4:], strict=True))

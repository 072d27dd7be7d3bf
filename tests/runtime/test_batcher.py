"""Calls that meet leave as one batch, and nobody gets another's rows."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.runtime.batcher import Batcher
from sensorium.runtime.session import Arrays

WAIT = 10


class Doubler:
    """A session that doubles `x` and notes the rows of every run; `before` may hold it up."""

    inputs = ("x",)
    outputs = ("y",)

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.rows: list[int] = []
        self._before = before

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        self.rows.append(len(feeds["x"]))
        self._before()
        if (feeds["x"] < 0).any():
            raise ValueError("negative")
        return {"y": feeds["x"] * 2}


class Gate:
    """Holds the first run until it is opened; later runs go through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.open.wait(WAIT)


def waiting(batcher: Batcher) -> int:
    return len(batcher._waiting)


def meet(batcher: Batcher, gate: Gate, feeds: list[NDArray[Any]]) -> list[Any]:
    """Call with the first; with the others while it runs. Gives results or errors, in order."""
    with ThreadPoolExecutor(len(feeds)) as pool:
        first = pool.submit(batcher.run, {"x": feeds[0]})
        assert gate.reached.wait(WAIT)
        others = []
        for number, one in enumerate(feeds[1:], 1):
            others.append(pool.submit(batcher.run, {"x": one}))
            while waiting(batcher) < number:
                threading.Event().wait(0.001)
        gate.open.set()
        futures = [first, *others]
        return [future.exception(WAIT) or future.result()["y"] for future in futures]


def test_a_lone_caller_runs_at_once_and_alone() -> None:
    session = Doubler()
    made = Batcher(session).run({"x": np.arange(6).reshape(2, 3)})
    np.testing.assert_array_equal(made["y"], np.arange(6).reshape(2, 3) * 2)
    assert session.rows == [2]
    assert threading.active_count() == 1 or not any(
        "atcher" in thread.name for thread in threading.enumerate()
    )


def test_those_who_come_while_one_runs_are_served_together() -> None:
    gate = Gate()
    session = Doubler(gate)
    feeds = [np.full((rows, 2), rows) for rows in (1, 3, 2, 4)]
    made = meet(Batcher(session), gate, feeds)
    for one, given_ in zip(made, feeds, strict=True):
        np.testing.assert_array_equal(one, given_ * 2)
    assert session.rows == [1, 9]


def test_no_batch_is_larger_than_the_limit_but_one_call_may_be() -> None:
    gate = Gate()
    session = Doubler(gate)
    meet(Batcher(session, limit=4), gate, [np.ones((rows, 1)) for rows in (1, 3, 3, 1, 9)])
    assert session.rows[0] == 1
    assert sorted(session.rows[1:]) == [3, 4, 9]


def test_calls_of_other_shapes_or_types_are_not_joined() -> None:
    gate = Gate()
    session = Doubler(gate)
    feeds: list[NDArray[Any]]
    feeds = [np.ones((1, 2)), np.ones((1, 3)), np.ones((1, 2), np.float32), np.ones((1, 3))]
    made = meet(Batcher(session), gate, feeds)
    assert [one.shape for one in made] == [(1, 2), (1, 3), (1, 2), (1, 3)]
    assert made[2].dtype == np.float32
    assert sorted(session.rows[1:]) == [1, 2]


def test_an_error_reaches_all_of_its_batch_and_nobody_else() -> None:
    gate = Gate()
    batcher = Batcher(Doubler(gate), limit=2)
    feeds = [np.ones((1, 1)), np.ones((1, 1)), -np.ones((1, 1)), np.ones((1, 1))]
    made = meet(batcher, gate, feeds)
    assert not isinstance(made[0], Exception)
    assert [isinstance(one, ValueError) for one in made[1:]] == [True, True, False]
    np.testing.assert_array_equal(batcher.run({"x": np.ones((1, 1))})["y"], [[2]])


def test_an_error_of_a_lone_caller_is_its_own() -> None:
    batcher = Batcher(Doubler())
    with pytest.raises(ValueError, match="negative"):
        batcher.run({"x": -np.ones((1, 1))})
    np.testing.assert_array_equal(batcher.run({"x": np.ones((1, 1))})["y"], [[2]])


@settings(max_examples=30, deadline=None)
@given(
    calls=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2)), min_size=1, max_size=12),
    limit=st.integers(1, 8),
)
def test_every_caller_gets_its_own_rows(calls: list[tuple[int, int]], limit: int) -> None:
    session = Doubler()
    batcher = Batcher(session, limit)
    feeds = [
        np.arange(rows * width).reshape(rows, width) + 1000 * number
        for number, (rows, width) in enumerate(calls)
    ]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda one: batcher.run({"x": one})["y"], feeds))
    for one, given_ in zip(made, feeds, strict=True):
        np.testing.assert_array_equal(one, given_ * 2)
    assert sum(session.rows) == sum(rows for rows, _ in calls)
    assert all(rows <= max(limit, 5) for rows in session.rows)

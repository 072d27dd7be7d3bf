import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.errors import InputError, Internal
from sensorium.flow import Failed, Flow
from sensorium.flow.threads import IDLE, Threads


def square(number: int) -> int:
    if number < 0:
        raise InputError(f"{number} is negative")
    return number * number


def repeat(number: int) -> Iterator[int]:
    for _ in range(number % 4):
        yield number


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-5, 50)), st.integers(0, 4), st.integers(1, 7))
def test_results_are_those_of_a_plain_loop_in_order(
    numbers: list[int], threads: int, size: int
) -> None:
    flow = Flow(numbers).map(square, threads=threads).batch(size).map(sum)
    results = list(flow.run())
    failed = [one.item for one in results if isinstance(one, Failed)]
    assert failed == [number for number in numbers if number < 0]
    good = [number * number for number in numbers if number >= 0]
    sums = [one for one in results if not isinstance(one, Failed)]
    assert sums == [sum(good[i : i + size]) for i in range(0, len(good), size)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 50)), st.integers(1, 4), st.booleans())
def test_an_iterator_goes_on_item_by_item(numbers: list[int], threads: int, ordered: bool) -> None:
    made = list(Flow(numbers).map(repeat, threads=threads, ordered=ordered).run())
    expected = [number for number in numbers for _ in range(number % 4)]
    assert made == expected if ordered else sorted(made) == sorted(expected)


def test_an_error_that_nobody_foresaw_is_internal_and_keeps_its_cause() -> None:
    (failed,) = Flow([0]).map(lambda number: 1 // number).run()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, Internal)
    assert isinstance(failed.error.__cause__, ZeroDivisionError)


@dataclass
class Block:
    nbytes: int = 100


@dataclass
class Making:
    """Counts blocks that were made and not yet taken."""

    alive: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, _: int) -> Block:
        with self.lock:
            self.alive += 1
            self.most = max(self.most, self.alive)
        return Block()


@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_in_flight_is_bounded_in_bytes(ordered: bool) -> None:
    making = Making()
    flow = Flow(range(60)).map(making, threads=3, ordered=ordered)
    for block in flow.run(Threads(ahead=500)):
        assert isinstance(block, Block)
        time.sleep(0.002)
        with making.lock:
            making.alive -= 1
    # Five blocks fit, three workers hold one more each, and one is in our hands.
    assert making.most <= 5 + 3 + 1


@dataclass
class Opening:
    opened: int = 0
    closed: int = 0

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def __call__(self, item: int) -> int:
        return item


@pytest.mark.parametrize("threads", [0, 2])
def test_closing_cancels_and_releases(threads: int) -> None:
    stage = Opening()
    before = threading.active_count()
    results = Flow(iter(range(10**9))).map(stage, threads=threads).run()
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert (stage.opened, stage.closed) == (1, 1)
    assert threading.active_count() == before


def test_an_error_of_the_source_reaches_the_caller() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        list(Flow(source()).map(square, threads=2).run())


def test_a_flow_can_be_pickled() -> None:
    flow = pickle.loads(pickle.dumps(Flow([3, 4]).map(square, threads=1)))
    assert list(flow.run()) == [9, 16]


def test_a_pulse_while_nothing_comes() -> None:
    gate = threading.Event()

    def slow(item: int) -> int:
        if item:
            gate.wait(10)
        return item

    run = Flow([0, 1]).map(slow, threads=1).run(Threads(pulse=0.05))
    assert next(run) == 0 and next(run) is IDLE
    gate.set()
    assert [one for one in run if one is not IDLE] == [1]
    quiet = Flow([0]).map(slow, threads=1).batch(1).run(Threads(pulse=0.05))
    assert list(quiet) == [(0,)]  # a stage never sees a pulse

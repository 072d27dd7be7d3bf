"""Against brute force in NumPy: rows that are gone, filters, newer rows, renewals."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.index import vectors
from sensorium.index.store import SpanKey, Store
from sensorium.index.vectors import Ids, Space
from sensorium.results import Provenance

DIMENSIONS = 24


class Filled:
    """A store with random vectors, and what is in it."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.store = Store(path)
        self.random = np.random.default_rng(seed)
        self.truth: dict[int, NDArray[np.float32]] = {}
        with self.store.transaction():
            self.model = self.store.model(Provenance("m", "1"), DIMENSIONS)
        self.spans = 0

    def space(self) -> Space:
        return Space(self.store, self.model, DIMENSIONS)

    def add(self, count: int) -> None:
        values = self.random.normal(size=(count, DIMENSIONS))
        rows = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)
        with self.store.transaction() as db:
            for row in rows:
                self.spans += 1
                span, _ = self.store.put_span(SpanKey(self.spans.to_bytes(16, "big"), 0))
                self.store.put_vector(span, self.model, row.tobytes())
                id = db.execute("SELECT max(id) FROM vectors").fetchone()[0]
                self.truth[id] = row.astype(np.float32)

    def delete(self, count: int) -> None:
        gone = self.random.choice(sorted(self.truth), min(count, len(self.truth)), replace=False)
        with self.store.transaction() as db:
            for id in gone.tolist():
                db.execute("DELETE FROM vectors WHERE id = ?", (id,))
                del self.truth[id]

    def query(self) -> NDArray[np.float32]:
        query = self.random.normal(size=DIMENSIONS).astype(np.float32)
        unit: NDArray[np.float32] = query / np.linalg.norm(query)
        return unit

    def nearest(
        self, query: NDArray[np.float32], k: int, among: set[int]
    ) -> list[tuple[int, float]]:
        scored = [(id, float(self.truth[id] @ query)) for id in self.truth if id in among]
        return sorted(scored, key=lambda pair: -pair[1])[:k]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    filled = Filled(tmp_path / "library.sqlite")
    yield filled
    filled.store.close()


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots pay from a hundred rows on."""
    monkeypatch.setattr(vectors, "NEWER", 100)


def check(space: Space, filled: Filled, k: int = 7) -> None:
    """What the space gives, less what is gone, is what brute force gives."""
    query, everything = filled.query(), set(filled.truth)
    ids, scores = space.search(query, 10_000)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    alive = [
        (int(id), float(score)) for id, score in zip(ids, scores, strict=True) if id in everything
    ]
    same(alive[:k], filled.nearest(query, k, everything))
    if not everything:
        return
    some = set(filled.random.choice(sorted(everything), max(1, len(everything) // 3)).tolist())
    chosen = Ids(np.array(sorted(some), np.int64))
    same(pairs(space.search(query, k, only=chosen)), filled.nearest(query, k, some))
    rest = [
        pair for pair in pairs(space.search(query, 10_000, without=chosen)) if pair[0] in everything
    ]
    same(rest[:k], filled.nearest(query, k, everything - some))
    half = Ids(np.array(sorted(some)[::2], np.int64))
    both = space.search(query, k, only=chosen, without=half)
    same(pairs(both), filled.nearest(query, k, some - set(half.ids.tolist())))


def pairs(found: tuple[NDArray[np.int64], NDArray[np.float32]]) -> list[tuple[int, float]]:
    return [(int(id), float(score)) for id, score in zip(*found, strict=True)]


def same(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [id for id, _ in found] == [id for id, _ in expected]
    assert [s for _, s in found] == pytest.approx([s for _, s in expected], abs=1e-5)


def snapshots(filled: Filled) -> list[str]:
    return sorted(path.name for path in filled.store.path.parent.glob("vectors-*.faiss"))


def test_few_rows_need_no_file(filled: Filled) -> None:
    filled.add(40)
    check(filled.space(), filled)
    assert not snapshots(filled)


def test_many_rows_are_kept_in_a_file(filled: Filled) -> None:
    filled.add(300)
    check(filled.space(), filled)
    assert snapshots(filled) == ["vectors-1-300.faiss"]
    check(filled.space(), filled)  # read from it


def test_newer_rows_are_seen_at_once(filled: Filled) -> None:
    filled.add(300)
    space = filled.space()
    check(space, filled)
    for _ in range(3):
        filled.add(20)
        filled.delete(5)
        check(space, filled)
    assert snapshots(filled) == ["vectors-1-300.faiss"]


def test_a_snapshot_that_fell_behind_is_renewed_meanwhile(filled: Filled) -> None:
    filled.add(300)
    space = filled.space()
    check(space, filled)
    filled.add(150)
    check(space, filled)
    space.close()
    assert snapshots(filled) == ["vectors-1-450.faiss"]
    check(filled.space(), filled)


def test_rows_that_are_gone_leave_with_the_next_snapshot(filled: Filled) -> None:
    filled.add(400)
    space = filled.space()
    assert len(space) == 400
    filled.delete(150)
    space.renew()
    assert len(space) == 250
    check(space, filled)
    space.renew()
    assert len(space) == 250


def test_a_reader_keeps_the_file_it_has(filled: Filled) -> None:
    filled.add(300)
    reader, writer = filled.space(), filled.space()
    check(reader, filled)
    filled.add(200)
    writer.renew()
    assert len(snapshots(filled)) == 1
    check(reader, filled)
    reader.close()


@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "cut by one", "noise", "other rows"])
def test_a_bad_file_costs_nothing(filled: Filled, harm: str) -> None:
    filled.add(300)
    check(filled.space(), filled)
    path = filled.store.path.parent / snapshots(filled)[0]
    data = path.read_bytes()
    match harm:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "cut by one":
            path.write_bytes(data[:-1])
        case "noise":
            path.write_bytes(np.random.default_rng(1).bytes(len(data)))
        case "other rows":  # of another library, whose ids are the same
            other = Filled(filled.store.path.parent / "other" / "library.sqlite", seed=9)
            other.add(300)
            len(other.space())
            path.write_bytes((other.store.path.parent / path.name).read_bytes())
            other.store.close()
    check(filled.space(), filled)
    assert snapshots(filled) == ["vectors-1-300.faiss"]
    check(filled.space(), filled)


def test_several_may_renew_at_once(filled: Filled) -> None:
    filled.add(600)
    spaces = [filled.space() for _ in range(4)]
    threads = [threading.Thread(target=len, args=(space,)) for space in spaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshots(filled) == ["vectors-1-600.faiss"]
    assert not list(filled.store.path.parent.glob(".vectors*"))
    for space in spaces:
        check(space, filled)


def test_what_a_killed_process_left_is_cleared_away(filled: Filled) -> None:
    folder = filled.store.path.parent
    old, fresh = folder / ".vectors-1-9.abc", folder / ".vectors-1-9.def"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    filled.add(300)
    len(filled.space())
    assert not old.exists()
    assert fresh.exists()  # somebody may be writing it


def test_searches_while_rows_come_in(filled: Filled) -> None:
    filled.add(300)
    space = filled.space()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(30):
                ids, scores = space.search(np.full(DIMENSIONS, 0.2, np.float32), 5)
                assert len(ids) == 5
                assert (np.diff(scores) <= 0).all()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        filled.add(40)
    for thread in threads:
        thread.join()
    space.close()
    assert not failures
    check(filled.space(), filled)


def test_vectors_come_back_in_order(filled: Filled) -> None:
    filled.add(200)
    space = filled.space()
    len(space)
    filled.add(30)
    ids = filled.random.permutation(sorted(filled.truth))
    assert space.values(ids) == pytest.approx(np.stack([filled.truth[int(id)] for id in ids]))


def test_models_do_not_mix(filled: Filled) -> None:
    filled.add(30)
    with filled.store.transaction():
        other = filled.store.model(Provenance("other", "1"), DIMENSIONS)
    assert len(Space(filled.store, other, DIMENSIONS)) == 0
    ids, scores = Space(filled.store, other, DIMENSIONS).search(filled.query(), 5)
    assert len(ids) == len(scores) == 0


def test_a_folder_that_cannot_be_written(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.add(300)
    monkeypatch.setattr(filled.store, "writable", False)
    check(filled.space(), filled)
    assert not snapshots(filled)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "delete", "renew", "reopen"]), st.integers(1, 160)),
        max_size=6,
    ),
    seed=st.integers(0, 10**6),
)
def test_any_history(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], seed: int
) -> None:
    filled = Filled(tmp_path_factory.mktemp("history") / "library.sqlite", seed)
    space = filled.space()
    try:
        for step, count in steps:
            match step:
                case "add":
                    filled.add(count)
                case "delete":
                    filled.delete(count)
                case "renew":
                    space.renew()
                case "reopen":
                    space.close()
                    space = filled.space()
            check(space, filled)
    finally:
        space.close()
        filled.store.close()

"""Cells find what a scan of all finds where rows lie in clusters, and are not used elsewhere."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from sensorium.index import Query, cells, vectors
from sensorium.index.item import Item
from sensorium.index.search import Searcher
from sensorium.index.store import SpanKey, Store
from sensorium.index.vectors import Ids, Numbers, Space
from sensorium.media import Kind
from sensorium.results import Provenance
from sensorium.roles import Floats, Pixels

DIMENSIONS = 32
ROWS = 3_000
NONE = Ids(np.zeros(0, np.int64))


class Clustered:
    """A store with rows that lie in clusters, and sentences that lie beside these."""

    def __init__(self, path: Path, spread: float = 0.25, seed: int = 0) -> None:
        self.store = Store(path)
        self.random = np.random.default_rng(seed)
        self.centres = unit(self.random.normal(size=(80, DIMENSIONS)))
        self.spread = spread
        with self.store.transaction():
            self.model = self.store.model(Provenance("m", "1"), DIMENSIONS)
        self.spans = 0
        self.add(ROWS)

    def add(self, count: int) -> None:
        near = self.centres[self.random.integers(len(self.centres), size=count)]
        noise = unit(self.random.normal(size=near.shape))
        rows = unit((1 - self.spread) * near + self.spread * noise).astype(np.float16)
        with self.store.transaction():
            for row in rows:
                self.spans += 1
                span, _ = self.store.put_span(SpanKey(self.spans.to_bytes(16, "big"), 0))
                self.store.put_vector(span, self.model, row.tobytes())

    def space(self) -> Space:
        return Space(self.store, self.model, DIMENSIONS)

    def sentences(self) -> Floats:
        gap = 0.5 * unit(np.ones(DIMENSIONS))
        return unit(self.centres + gap + 0.1 * self.random.normal(size=self.centres.shape))

    def divided(self, passages: Ids = NONE) -> Space:
        """A space that has made cells if they are any good."""
        space = self.space()
        len(space)
        for _ in range(2):
            space.divide_meanwhile(self.sentences, passages)
        wait(space)
        return space

    def files(self) -> list[str]:
        return sorted(path.name for path in self.store.path.parent.glob("*cells-*"))

    def measured(self) -> cells.Measured:
        found = cells.Measured.read(self.store.path.with_name(f"cells-{self.model}.json"))
        assert found is not None
        return found


def unit(rows: np.ndarray) -> Floats:
    scaled: Floats = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return scaled


def wait(space: Space) -> None:
    for thread in threading.enumerate():
        if thread is space._builder:
            thread.join()


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells pay from a thousand rows on; among so few, whether they are faster is chance."""
    monkeypatch.setattr(vectors, "NEWER", 100)
    monkeypatch.setattr(cells, "LEAST", 1_000)
    monkeypatch.setattr(cells, "FASTER", 0.0)


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[Clustered]:
    made = Clustered(tmp_path / "library.sqlite")
    yield made
    made.store.close()


def recall(space: Space, queries: Floats, without: Ids | None = None, k: int = 10) -> float:
    hits = 0
    for query in queries:
        exact, _ = space.search(query, k, without=without)
        quick, scores = space.search(query, k, without=without, by_cells=True)
        assert len(quick) == k == len(set(quick.tolist()))
        assert (np.diff(scores) <= 0).all()
        hits += len(set(exact.tolist()) & set(quick.tolist()))
    return hits / (k * len(queries))


def scans_all(space: Space, query: Floats, k: int = 10) -> bool:
    return space._by_cells(space.refreshed(), query, k, None) is None


def test_clusters_are_divided(clustered: Clustered) -> None:
    space = clustered.divided()
    assert clustered.files() == ["cells-1-3000.faiss", "cells-1.json"]
    found = clustered.measured()
    assert found.rows == ROWS == found.last
    assert 0 < found.probed < found.cells / 4
    assert found.recall >= cells.RECALL
    assert found.sentences == 80
    sentences = clustered.sentences()
    assert not scans_all(space, sentences[0])
    assert recall(space, sentences[:20]) >= 0.97  # others than those it was measured with
    assert recall(clustered.space(), sentences[:20]) >= 0.97  # read from the file


def test_what_cells_find_has_its_cosine(clustered: Clustered) -> None:
    space = clustered.divided()
    query = clustered.sentences()[0]
    ids, scores = space.search(query, 20, by_cells=True)
    assert scores == pytest.approx(space.values(ids) @ query, abs=1e-5)


def test_rows_without_clusters_are_scanned_whole(tmp_path: Path) -> None:
    scattered = Clustered(tmp_path / "library.sqlite", spread=1.0)
    space = scattered.divided()
    found = scattered.measured()
    assert found.probed == 0
    assert found.recall < cells.RECALL
    assert scattered.files() == ["cells-1.json"]
    query = scattered.sentences()[0]
    assert scans_all(space, query)
    assert recall(space, query[None, :]) == 1
    scattered.store.close()


def test_cells_that_are_no_faster_are_not_kept(
    clustered: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "FASTER", 1e9)
    space = clustered.divided()
    assert clustered.files() == ["cells-1.json"]
    assert clustered.measured().recall >= cells.RECALL
    assert scans_all(space, clustered.sentences()[0])


def test_the_same_rows_give_the_same_cells(clustered: Clustered) -> None:
    clustered.divided()
    path = clustered.store.path.with_name("cells-1-3000.faiss")
    first = path.read_bytes()
    clustered.store.path.with_name("cells-1.json").unlink()
    path.unlink()
    clustered.divided()
    assert path.read_bytes() == first


@pytest.mark.parametrize("spread", [0.25, 1.0])
def test_it_is_not_tried_again_before_the_library_has_grown(tmp_path: Path, spread: float) -> None:
    library = Clustered(tmp_path / "library.sqlite", spread)
    library.divided()
    first = library.measured()
    library.add(ROWS // 10)
    library.space().renew()
    library.divided()
    assert library.measured() == first
    library.add(ROWS // 5)
    library.space().renew()
    library.divided()
    assert library.measured().rows == 3_900
    assert len(library.files()) == (2 if library.measured().probed else 1)
    library.store.close()


def test_rows_newer_than_the_cells_are_seen(clustered: Clustered) -> None:
    clustered.divided()
    for count in (50, 150):  # in memory; in a newer snapshot too
        clustered.add(count)
        space = clustered.space()
        space.renew()
        assert not scans_all(space, clustered.sentences()[0])
        assert recall(space, clustered.sentences()[:20]) >= 0.97
        newest = space.all_ids()[-20:]
        found = [
            space.search(value, 10, by_cells=True)[0].tolist() for value in space.values(newest)
        ]
        assert all(id in ids for id, ids in zip(newest.tolist(), found, strict=True))


def test_passages_are_not_in_cells(clustered: Clustered) -> None:
    passages = Ids(np.arange(1, 501, dtype=np.int64))
    space = clustered.divided(passages)
    assert clustered.measured().rows == ROWS - 500
    sentences = clustered.sentences()
    assert not scans_all(space, sentences[0])
    assert recall(space, sentences[:20], without=passages) >= 0.97
    ids, _ = space.search(sentences[0], 50, without=passages, by_cells=True)
    assert ids.min() > 500


def test_filters_and_deep_searches_are_exact(clustered: Clustered) -> None:
    space = clustered.divided()
    query = clustered.sentences()[0]
    deep = cells.DEEPEST + 1
    assert scans_all(space, query, deep)
    some = Ids(np.arange(2, ROWS, 7, dtype=np.int64))
    quick, _ = space.search(query, 10, only=some, by_cells=True)
    assert quick.tolist() == space.search(query, 10, only=some)[0].tolist()


def test_cells_that_hold_too_few_are_left(clustered: Clustered) -> None:
    space = clustered.divided()
    query = clustered.sentences()[0]
    rest = Ids(space.search(query, 2_990)[0])  # the ten that are farthest remain
    assert recall(space, query[None, :], without=rest) == 1


@pytest.mark.parametrize(
    "harm",
    ["missing", "empty", "cut", "cut by one", "noise", "other rows", "no record", "bad record"],
)
def test_bad_files_fall_back_to_a_scan(clustered: Clustered, harm: str) -> None:
    clustered.divided()
    folder = clustered.store.path.parent
    path, record = folder / "cells-1-3000.faiss", folder / "cells-1.json"
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
            other = Clustered(folder / "other" / "library.sqlite", seed=9)
            other.divided()
            for file in (path, record):
                file.write_bytes((other.store.path.parent / file.name).read_bytes())
            other.store.close()
        case "no record":
            record.unlink()
        case "bad record":
            record.write_text('{"last": 3000}')
    space = clustered.space()
    assert scans_all(space, clustered.sentences()[0])
    assert recall(space, clustered.sentences()[:5]) == 1
    assert not scans_all(clustered.divided(), clustered.sentences()[0])  # made again


def test_a_process_that_searches_once_makes_none(clustered: Clustered) -> None:
    space = clustered.space()
    len(space)
    space.divide_meanwhile(clustered.sentences, NONE)
    assert space._builder is None
    assert clustered.files() == []


def test_closing_gives_up_what_is_being_made(clustered: Clustered) -> None:
    reached = threading.Event()

    def sentences() -> Floats:
        reached.set()
        space._divided.stop.wait(10)
        return clustered.sentences()

    space = clustered.space()
    len(space)
    for _ in range(2):
        space.divide_meanwhile(sentences, NONE)
    assert reached.wait(10)
    space.close()
    assert clustered.files() == []
    assert not scans_all(clustered.divided(), clustered.sentences()[0])


def test_what_a_killed_process_left_is_cleared_away(clustered: Clustered) -> None:
    folder = clustered.store.path.parent
    old, fresh = folder / ".cells-1-9.abc", folder / ".cells-1-9.def"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    clustered.divided()
    assert not old.exists()
    assert fresh.exists()  # somebody may be writing it


def test_a_folder_that_cannot_be_written(
    clustered: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clustered.store, "writable", False)
    clustered.divided()
    assert clustered.files() == []


class Subjects:
    """A dual tower whose sentences lie by the centres of a store: “7” by the seventh."""

    provenance = Provenance("m", "1")
    image_size = 32
    logit_scale = 100.0
    logit_bias = 0.0
    dimensions = DIMENSIONS

    def __init__(self, library: Clustered) -> None:
        self._places = library.sentences()

    def prepare_image(self, picture: Pixels) -> Floats:
        return picture.astype(np.float32)

    def encode_images(self, tensors: Floats) -> Floats:
        return self._places[[int(one.max()) % len(self._places) for one in tensors]]

    def embed_images(self, pictures: Sequence[Pixels]) -> Floats:
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        numbers = [int(text) if text.isdigit() else len(text) for text in texts]
        return self._places[numbers]


def test_a_searcher_uses_them_for_sentences(
    clustered: Clustered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clustered.store.transaction():
        for number in range(1, ROWS + 1):
            clustered.store.put_item(
                Item(f"/p/{number:04}.jpg", Kind.IMAGE, 1, 0, content=number.to_bytes(16, "big"))
            )
    PillowImage.new("RGB", (32, 32), (9, 9, 9)).save(tmp_path / "asked.png")
    by_cells = list[int]()
    search = cells.Cells.search

    def noted(self: cells.Cells, query: Floats, k: int, selector: Any) -> tuple[Numbers, Floats]:
        by_cells.append(k)
        return search(self, query, k, selector)

    monkeypatch.setattr(cells.Cells, "search", noted)
    searcher, tower = Searcher(clustered.store), Subjects(clustered)
    first = [searcher.search(tower, Query.of(str(number))) for number in range(5)]
    wait(searcher._space(clustered.model, DIMENSIONS))
    assert clustered.files() == ["cells-1-3000.faiss", "cells-1.json"]
    by_cells.clear()
    again = [searcher.search(tower, Query.of(str(number))) for number in range(5)]
    assert by_cells == [90] * 5
    same = sum(hit in one.hits for one, two in zip(first, again, strict=True) for hit in two.hits)
    assert same >= 48
    for query in (Query.of("1 - 2"), Query.of(tmp_path / "asked.png")):
        assert searcher.search(tower, query).hits
    assert len(by_cells) == 5  # they were not measured with such
    searcher.close()

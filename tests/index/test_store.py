"""The statements of the store."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.index.item import Item, State
from sensorium.index.store import _KNOWN, _REACHED, _SPAN, SpanKey, Store
from sensorium.media import Kind
from sensorium.results import Provenance

CONTENT = b"0123456789abcdef"
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store(home / "library.sqlite")
    yield opened
    opened.close()


def item(path: str, content: bytes | None = CONTENT) -> Item:
    return Item(path, Kind.IMAGE, 10, 20, content, width=3, taken="2024-05-06T07:08:09")


def test_an_item_comes_back_as_it_was_put(store: Store) -> None:
    with store.transaction():
        store.put_item(item("/a.png"))
        store.put_item(item("/a.png").bad("broken"))
    assert list(store.items()) == [item("/a.png").bad("broken")]
    assert list(store.items(State.OK)) == []
    assert store.item("/b.png") is None


def test_a_span_is_there_once(store: Store) -> None:
    keys = [SpanKey(CONTENT, 0), SpanKey(CONTENT, 1, 0.0, 2.0, 1.0), SpanKey(CONTENT, 1, 0.0, 3.0)]
    with store.transaction():
        first = [store.put_span(key) for key in keys]
        again = [store.put_span(key) for key in keys]
    assert [new for _, new in first] == [True] * 3
    assert [new for _, new in again] == [False] * 3
    assert [id for id, _ in first] == [id for id, _ in again]
    assert len({id for id, _ in first}) == 3


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.put_item(item("/a.png"))
        1 / 0
    assert list(store.items()) == []
    with pytest.raises(KeyboardInterrupt), store.transaction():
        store.put_item(item("/a.png"))
        raise KeyboardInterrupt
    assert list(store.items()) == [] and not store.db.in_transaction


def test_readers_see_what_is_committed_and_never_wait(store: Store) -> None:
    seen: list[int] = []

    def read() -> None:
        seen.append(len(list(store.items())))

    with store.transaction():
        store.put_item(item("/a.png"))
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(5)
    reader = threading.Thread(target=read)
    reader.start()
    reader.join(5)
    assert seen == [0, 1]


def test_connections_of_finished_threads_are_closed(store: Store) -> None:
    for _ in range(5):
        thread = threading.Thread(target=lambda: list(store.items()))
        thread.start()
        thread.join()
    assert len(store._opened) <= 2
    store.close()
    with pytest.raises(InputError, match="closed"):
        store.db.execute("SELECT 1")


def test_a_model_is_known_by_spec_and_revision(store: Store) -> None:
    with store.transaction():
        ids = [store.model(Provenance("m", revision), 8) for revision in ("1", "2", "1")]
        store.set_current_model(ids[1])
    assert ids[0] == ids[2] != ids[1]
    current = store.current_model()
    assert current is not None and (current.spec, current.revision) == ("m", "2")


def test_forgetting_a_content_takes_its_lines_and_words_along(store: Store) -> None:
    with store.transaction():
        model = store.model(Provenance("m"), 2)
        span, _ = store.put_span(SpanKey(CONTENT, 0))
        store.put_vector(span, model, b"\0\0\0\0")
        store.put_line(span, "text", "a cat", "a cat", (1.0, 2.0, 3.0, 4.0))
        store.put_embedded(CONTENT, model)
        store.put_item(item("/a.png"))
        store.forget([CONTENT])
    assert store.is_embedded(CONTENT, model)
    assert store.reached(CONTENT, model) == (1, 0.0)
    with store.transaction():
        store.drop_items([1])
        store.forget([CONTENT])
    for table in ("spans", "vectors", "lines", "words", "embedded"):
        assert store.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


@pytest.mark.parametrize("query", [_KNOWN, _REACHED, _SPAN])
def test_what_is_asked_of_every_file_is_asked_of_an_index(store: Store, query: str) -> None:
    plan = store.db.execute(f"EXPLAIN QUERY PLAN {query}", (None,) * query.count("?")).fetchall()
    steps = [row[3] for row in plan]
    assert steps and not any("SCAN" in step or "LIST" in step for step in steps), steps


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("shared") / "library.sqlite")
    yield opened
    opened.close()


@given(paths=st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8), folder=NAMES)
def test_under_a_folder_is_what_begins_with_it(
    shared: Store, paths: list[list[str]], folder: str
) -> None:
    places = {"/" + "/".join(parts) for parts in paths} | {f"/{folder}", f"/{folder}/x"}
    with shared.transaction() as db:
        db.execute("DELETE FROM items")
        for place in places:
            shared.put_item(item(place))
    found = {path for _, path, _ in shared.under(f"/{folder}")}
    assert found == {p for p in places if p == f"/{folder}" or p.startswith(f"/{folder}/")}
    assert {path for _, path, _ in shared.under("/")} == places

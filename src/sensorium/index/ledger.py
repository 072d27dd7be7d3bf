"""Ledger: what was computed and is not yet written; it goes to the store in one transaction."""

import time

from sensorium.index.item import Item
from sensorium.index.reading import Piece
from sensorium.index.store import Store
from sensorium.index.words import tokens

_SECONDS = 2.0  # what kill -9 may cost, beside the batch that is being computed
_ROWS = 20_000


class Ledger:
    """Rows in the order they came, so that a commit never holds a file before all of its spans."""

    def __init__(self, store: Store, model: int) -> None:
        self._store = store
        self._model = model
        self._rows: list[tuple[Piece, bytes] | tuple[Item, bool]] = []
        self._since = time.monotonic()

    def vector(self, piece: Piece, value: bytes) -> None:
        """value: float16, unit length."""
        self._rows.append((piece, value))

    def file(self, item: Item, embedded: bool) -> None:
        """embedded: all spans of its content are in the ledger, or were written before."""
        self._rows.append((item, embedded))

    @property
    def is_due(self) -> bool:
        waited = time.monotonic() - self._since
        return bool(self._rows) and (waited > _SECONDS or len(self._rows) > _ROWS)

    def commit(self) -> None:
        if self._rows:
            with self._store.transaction():
                for what, value in self._rows:
                    if isinstance(what, Item):
                        self._write_file(what, bool(value))
                    else:
                        assert isinstance(value, bytes)
                        self._write_piece(what, value)
            self._rows.clear()
        self._since = time.monotonic()

    def _write_piece(self, piece: Piece, value: bytes) -> None:
        span, is_new = self._store.put_span(piece.key)
        self._store.put_vector(span, self._model, value)
        if is_new and piece.text:
            self._store.put_line(span, "text", piece.text, tokens(piece.text))

    def _write_file(self, item: Item, embedded: bool) -> None:
        self._store.put_item(item)
        if embedded and item.content is not None:
            self._store.put_embedded(item.content, self._model)

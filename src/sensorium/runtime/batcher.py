"""Batcher: calls that run at the same time leave as one batch.

The first caller runs at once; those who come while it runs are served together by the next.
A lone caller never waits, and no thread of ours exists.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.runtime.session import Arrays, Session


@dataclass(eq=False)
class _Call:
    feeds: Arrays
    rows: int
    done: threading.Event = field(default_factory=threading.Event)
    result: dict[str, NDArray[Any]] | None = None
    error: BaseException | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """Calls of equal shape can be joined along axis 0."""
        return tuple((name, array.shape[1:], array.dtype) for name, array in self.feeds.items())


class Batcher:
    """A Session over a Session: joins concurrent calls of like shape, at most `limit` rows."""

    def __init__(self, session: Session, limit: int = 32) -> None:
        self._session = session
        self._limit = limit
        self._waiting: deque[_Call] = deque()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        return self._session.inputs

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return self._session.outputs

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        call = _Call(feeds, len(next(iter(feeds.values()))))
        with self._lock:
            self._waiting.append(call)
        with self._turn:  # whoever gets the turn serves all that wait, itself among them
            while not call.done.is_set():
                self._serve(self._take())
        if call.error is not None:
            raise call.error
        assert call.result is not None
        return call.result

    def _take(self) -> list[_Call]:
        """The longest waiting call and those behind it that fit in its batch."""
        with self._lock:
            first = self._waiting.popleft()
            batch, rows = [first], first.rows
            for call in list(self._waiting):
                if call.shape == first.shape and rows + call.rows <= self._limit:
                    self._waiting.remove(call)
                    batch.append(call)
                    rows += call.rows
        return batch

    def _serve(self, batch: list[_Call]) -> None:
        try:
            joined = {
                name: np.concatenate([call.feeds[name] for call in batch])
                if len(batch) > 1
                else batch[0].feeds[name]
                for name in batch[0].feeds
            }
            outputs = self._session.run(joined)
            start = 0
            for call in batch:
                stop = start + call.rows
                call.result = {name: array[start:stop] for name, array in outputs.items()}
                start = stop
        except BaseException as error:
            for call in batch:
                call.error = error
        for call in batch:
            call.done.set()

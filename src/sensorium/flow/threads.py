"""Threads: runs a flow in this process. What is in flight is bounded in bytes, not in items."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from typing import Any

from sensorium.flow.flow import Batch, Failed, Map, Stage, Step

_END = object()
IDLE = object()
"""What a pulsing executor gives while there is nothing to give."""


@dataclass(frozen=True)
class Threads:
    """ahead: bytes of finished results that may wait for the next stage.
    pulse: seconds after which a last stage with threads gives IDLE, where no result has come; a
    sink may then write what it holds. 0: it waits in silence.
    """

    ahead: int = 256 << 20
    pulse: float = 0.0

    def run(self, source: Iterable[Any], steps: tuple[Step, ...]) -> Iterator[Any]:
        with ExitStack() as stack:
            items = iter(source)
            for number, step in enumerate(steps, 1):
                if isinstance(step, Map):
                    _open(step.stage, stack)
                items = self._step(items, step, self.pulse if number == len(steps) else 0.0)
                stack.enter_context(closing(items))  # type: ignore[type-var]
            yield from items

    def _step(self, items: Iterator[Any], step: Step, pulse: float) -> Iterator[Any]:
        match step:
            case Batch(size):
                return _batched(items, size)
            case Map(stage, 0, _):
                return _mapped(items, stage)
            case Map():
                return _Workers(items, step, self.ahead, pulse).results()


def _open(stage: Stage, stack: ExitStack) -> None:
    if hasattr(stage, "open"):
        stage.open()
    if hasattr(stage, "close"):
        stack.callback(stage.close)


def _outputs(stage: Stage, item: Any) -> Iterator[Any]:
    """What a stage makes of one item: one thing, the things of an iterator, or a Failed."""
    if isinstance(item, Failed):
        yield item
        return
    try:
        made = stage(item)
        if isinstance(made, Iterator):
            yield from made
        else:
            yield made
    except Exception as error:  # one bad item never stops the rest
        yield Failed.of(item, error)


def _mapped(items: Iterator[Any], stage: Stage) -> Iterator[Any]:
    for item in items:
        yield from _outputs(stage, item)


def _batched(items: Iterator[Any], size: int) -> Iterator[Any]:
    batch: list[Any] = []
    for item in items:
        if isinstance(item, Failed):
            yield item
            continue
        batch.append(item)
        if len(batch) == size:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def weight(value: Any) -> int:
    """Bytes that a value holds, as far as it tells (`nbytes`)."""
    return int(getattr(value, "nbytes", 0))


class _Cancelled(BaseException):
    """Unwinds a worker when nobody wants its results any more."""


class _Workers:
    """Threads that pull items, run a stage, and put what it makes in a channel of bounded bytes."""

    def __init__(self, items: Iterator[Any], step: Map, ahead: int, pulse: float) -> None:
        self._items = items
        self._numbers = count()
        self._step = step
        self._ahead = ahead
        self._pulse = pulse or None
        self._source = threading.Lock()
        self._changed = threading.Condition()
        self._ready: dict[int, list[Any]] = {}  # item number → what it made, _END last
        self._held = 0
        self._turn = 0  # the item whose results go out next, where order is kept
        self._running = step.threads
        self._cancelled = False
        self._broken: BaseException | None = None

    def results(self) -> Iterator[Any]:
        workers = [
            threading.Thread(target=self._work, name=f"flow-{n}", daemon=True)
            for n in range(self._step.threads)
        ]
        for worker in workers:
            worker.start()
        try:
            while (value := self._take()) is not _END:
                yield value
        finally:
            with self._changed:
                self._cancelled = True
                self._changed.notify_all()
            for worker in workers:
                worker.join()

    def _work(self) -> None:
        try:
            while (numbered := self._next()) is not None:
                number, item = numbered
                outputs = _outputs(self._step.stage, item)
                with closing(outputs):  # type: ignore[type-var]
                    for value in outputs:
                        self._put(number, value)
                self._put(number, _END)
        except _Cancelled:
            return
        except BaseException as error:
            with self._changed:
                self._broken = error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _next(self) -> tuple[int, Any] | None:
        with self._source:
            if self._cancelled:
                raise _Cancelled
            for item in self._items:
                number = next(self._numbers)
                with self._changed:
                    self._ready[number] = []
                return number, item
        return None

    def _put(self, number: int, value: Any) -> None:
        size = weight(value)
        with self._changed:
            # The item whose turn it is may always go on: else a full channel would wait for it.
            while self._held and self._held + size > self._ahead and number != self._first():
                if self._cancelled:
                    raise _Cancelled
                self._changed.wait()
            if self._cancelled:
                raise _Cancelled
            self._ready[number].append(value)
            self._held += size
            self._changed.notify_all()

    def _first(self) -> int:
        return self._turn if self._step.ordered else -1

    def _take(self) -> Any:
        """The next result, _END when there will be none, IDLE when there is none yet."""
        with self._changed:
            while True:
                if self._broken is not None:
                    raise self._broken
                for number in self._candidates():
                    values = self._ready[number]
                    if not values:
                        continue
                    value = values.pop(0)
                    if value is not _END:
                        self._held -= weight(value)
                        self._changed.notify_all()
                        return value
                    del self._ready[number]
                    self._turn += 1
                    self._changed.notify_all()
                    break
                else:
                    if not self._running:
                        return _END
                    if not self._changed.wait(self._pulse):
                        return IDLE

    def _candidates(self) -> list[int]:
        if not self._step.ordered:
            return list(self._ready)
        return [self._turn] if self._turn in self._ready else []

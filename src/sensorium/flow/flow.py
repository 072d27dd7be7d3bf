"""Flow: many items through stages, one bad item never stopping the rest.

    Flow(paths).map(Decode(), threads=2).batch(32).map(Embed(spec)).each(store)

A stage is a picklable callable; it holds specs, not sessions, and opens them in `open()`. What it
returns goes on; an iterator that it returns goes on item by item. An exception of one item becomes
a `Failed` that passes by all later stages.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sensorium.errors import Internal, SensoriumError


@dataclass(frozen=True)
class Failed:
    """An item that a stage could not do, and why."""

    item: Any
    error: SensoriumError

    @classmethod
    def of(cls, item: Any, error: Exception) -> "Failed":
        if isinstance(error, SensoriumError):
            return cls(item, error)
        internal = Internal(f"{type(error).__name__}: {error}", "an error that we did not foresee")
        internal.__cause__ = error
        return cls(item, internal)


@dataclass(frozen=True)
class Progress:
    """How far long work is: done of total units; total 0 where it is not known yet."""

    done: int
    total: int
    unit: str


Stage = Callable[[Any], Any]


@dataclass(frozen=True)
class Map:
    """threads: 0 runs in the thread that asks for results. ordered: results in the items' order."""

    stage: Stage
    threads: int = 0
    ordered: bool = True


@dataclass(frozen=True)
class Batch:
    """Tuples of up to `size` items; a Failed goes through alone."""

    size: int


Step = Map | Batch


class Executor(Protocol):
    def run(self, source: Iterable[Any], steps: tuple[Step, ...]) -> Iterator[Any]:
        """Results as they come; closing the iterator cancels and releases everything."""
        ...


@dataclass(frozen=True)
class Flow:
    source: Iterable[Any]
    steps: tuple[Step, ...] = ()

    def map(self, stage: Stage, threads: int = 0, ordered: bool = True) -> "Flow":
        return replace(self, steps=(*self.steps, Map(stage, threads, ordered)))

    def batch(self, size: int) -> "Flow":
        return replace(self, steps=(*self.steps, Batch(size)))

    def run(self, executor: Executor | None = None) -> Iterator[Any]:
        from sensorium.flow.threads import Threads

        return (executor or Threads()).run(self.source, self.steps)

    def each(self, sink: Callable[[Any], None], executor: Executor | None = None) -> None:
        """Hand every result, failed ones included, to `sink`."""
        for result in self.run(executor):
            sink(result)

"""Senses that read a video or a sound from beginning to end, several at once, and what they find.

A sense gives what it finds as it goes, and now and then an `Until`: all that lies before is found.
What was found by then is kept on disk, so that a run that was cut off goes on from there.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Protocol

from sensorium.errors import SensoriumError
from sensorium.flow import Failed, Flow, Progress
from sensorium.tasks._kept import Kept


@dataclass(frozen=True)
class Until:
    """Everything before `seconds` is found. note: what is amiss with what was decoded. last: it is
    all of it."""

    seconds: float
    note: str = ""
    last: bool = False


class Sense(Protocol):
    """name: the kind of sign. key: its models and settings; what was kept under another is of no
    use."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def kinds(self) -> tuple[type, ...]:
        """What it finds: frozen dataclasses that `results.codec` can write."""
        ...

    def read(self, since: float) -> Iterator[object]:
        """What it finds from `since` seconds on, and `Until`s among it."""
        ...


@dataclass
class Found:
    """items: in order of time. until: how far it was read, in seconds; None where not at all.
    notes: what is amiss, and by which second it was noticed first. error: why it ended early."""

    items: list[object] = field(default_factory=list)
    until: float | None = None
    notes: dict[str, float] = field(default_factory=dict)
    error: SensoriumError | None = None

    def mark(self, one: Until) -> None:
        self.until = one.seconds
        if one.note:
            self.notes.setdefault(one.note, one.seconds)


@dataclass(frozen=True)
class _Run:
    """A stage: reads one sense."""

    since: dict[str, float]

    def __call__(self, sense: Sense) -> Iterator[tuple[str, object]]:
        until = self.since[sense.name]
        for one in sense.read(until):
            until = one.seconds if isinstance(one, Until) else until
            yield sense.name, one
        yield sense.name, Until(until, last=True)


def read_all(
    senses: Sequence[Sense], begin: float, end: float | None, kept: Kept
) -> Generator[Progress, None, dict[str, Found]]:
    """Every sense in a thread of its own; one that fails does not stop the others.

    begin, end: seconds of the item; None where its length is not known. Progress is in seconds read
    by all.
    """
    found = {sense.name: Found() for sense in senses}
    since, left = {}, []
    for sense in senses:
        mine = found[sense.name]
        mine.items, marks = kept.load(sense.name, sense.key, sense.kinds, Until)
        for mark in marks:
            mine.mark(mark)
        since[sense.name] = begin if mine.until is None else mine.until
        left += [] if marks and marks[-1].last else [sense]
    total = 0 if end is None else round(end - begin)
    with ExitStack() as stack:
        flow = Flow(left).map(_Run(dict(since)), threads=max(1, len(left)), ordered=False).run()
        stack.enter_context(closing(flow))  # type: ignore[type-var]
        stack.callback(kept.close)
        for event in flow:
            if isinstance(event, Failed):
                found[event.item.name].error = event.error
                since[event.item.name] = end or begin
                continue
            name, one = event
            kept.add(name, one, isinstance(one, Until))
            if not isinstance(one, Until):
                found[name].items.append(one)
                continue
            found[name].mark(one)
            since[name] = (end or one.seconds) if one.last else one.seconds
            yield Progress(round(min(since.values()) - begin), total, "s")
    if all(one.error is None for one in found.values()):
        kept.remove()
    return found

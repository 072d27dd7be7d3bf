"""Item: one file as a library knows it. Entry: the same, as it is shown to people."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sensorium.media import Kind


class State(StrEnum):
    OK = "ok"
    BAD = "bad"
    """It cannot be read; `reason` says why."""
    LISTED = "listed"
    """Known, but it waits for a model of its kind."""
    ABSENT = "absent"
    """Its disk is not here."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the table `items`; units as there. path: absolute, valid UTF-8."""

    path: str
    kind: Kind
    size: int
    modified: int
    content: bytes | None = None
    state: State = State.OK
    reason: str = ""
    note: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str = ""
    disk: str = ""

    def bad(self, reason: str) -> "Item":
        return replace(self, state=State.BAD, reason=reason)

    def with_facts_of(self, twin: "Item") -> "Item":
        """The same content elsewhere: what the bytes say is the same. A picture's note is about its
        own name."""
        return replace(
            self,
            content=twin.content,
            state=twin.state,
            reason=twin.reason,
            note=self.note if self.kind is Kind.IMAGE else twin.note,
            width=twin.width,
            height=twin.height,
            duration=twin.duration,
            taken=twin.taken,
            latitude=twin.latitude,
            longitude=twin.longitude,
            camera=twin.camera,
        )


@dataclass(frozen=True)
class Entry:
    """A file of a library.

    size: bytes. width, height: pixels, upright. duration: seconds. taken: the camera's clock.
    place: (latitude, longitude) in degrees. note: what is odd about a file that was read all the
    same. reason: why a bad one could not be.
    """

    path: Path
    kind: Kind
    state: State
    size: int
    reason: str = ""
    note: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken: datetime | None = None
    place: tuple[float, float] | None = None
    camera: str = ""

    @classmethod
    def of(cls, item: Item) -> "Entry":
        place = None
        if item.latitude is not None and item.longitude is not None:
            place = (item.latitude, item.longitude)
        return cls(
            path=Path(item.path),
            kind=item.kind,
            state=item.state,
            size=item.size,
            reason=item.reason,
            note=item.note,
            width=item.width,
            height=item.height,
            duration=item.duration,
            taken=datetime.fromisoformat(item.taken) if item.taken else None,
            place=place,
            camera=item.camera,
        )

"""What a file of sound or moving pictures holds, by its headers."""

from dataclasses import dataclass
from typing import Any

import av.stream

from sensorium.media.container import duration_of, open_container


@dataclass(frozen=True)
class Streams:
    """duration: seconds, None where the headers do not tell. pictures: moving ones; the cover of a
    record is none."""

    duration: float | None
    pictures: bool
    sound: bool


def streams_of(source: Any) -> Streams:
    """Decodes nothing. Raises InputError, NotFound."""
    with open_container(source) as container:
        cover = av.stream.Disposition.attached_pic
        moving = [one for one in container.streams.video if not one.disposition & cover]
        sounds = list(container.streams.audio)
        first = next(iter([*moving, *sounds]), None)
        return Streams(
            duration_of(container, first) if first is not None else None,
            any(one.codec_context is not None for one in moving),
            any(one.codec_context is not None for one in sounds),
        )

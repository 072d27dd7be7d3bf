"""Sounds: what they are. What is heard in them is a matter of models."""

from dataclasses import dataclass
from pathlib import Path

import av

from sensorium.errors import InputError
from sensorium.media.container import open_container


@dataclass(frozen=True)
class AudioFacts:
    """duration in seconds, rate in samples a second, channels."""

    duration: float
    rate: int
    channels: int


def probe(source: Path | bytes | str) -> AudioFacts:
    """What a sound, or the sound of a video, is. Raises InputError, NotFound."""
    name = str(source) if isinstance(source, str | Path) else "the given sound"
    with open_container(source) as container:
        if not container.streams.audio:
            raise InputError(name, "it holds no sound")
        stream = container.streams.audio[0]
        context = stream.codec_context
        if stream.duration and stream.time_base:
            duration = float(stream.duration * stream.time_base)
        elif container.duration:
            duration = container.duration / av.time_base
        else:
            packets = (one for one in container.demux(stream) if one.duration)
            duration = sum(float(one.duration * one.time_base) for one in packets)
        return AudioFacts(duration, context.sample_rate, context.channels)

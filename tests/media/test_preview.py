"""What a browser can play: short files as they are, small copies of others."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pil

from sensorium.errors import InputError
from sensorium.media import Audio, Span, Video
from sensorium.media import preview as module
from sensorium.media.preview import Playable, playable

Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """`film(name, codec, seconds)`: a square that wanders, 10 pictures a second, and a tone."""

    def make(
        name: str, codec: str, seconds: float = 2.0, size: tuple[int, int] = (640, 360)
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as out:
            pictures = out.add_stream(codec, rate=10)
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuv420p"
            sound = out.add_stream("aac" if path.suffix == ".mp4" else "mp3", rate=24_000)
            sound.layout = "mono"
            for at in range(round(seconds * 10)):
                pixels = np.full((size[1], size[0], 3), 20, np.uint8)
                pixels[:80, at * 8 : at * 8 + 80] = 220
                out.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(pictures.encode(None))
            tone = np.sin(np.arange(round(seconds * 24_000)) * 440 * 2 * np.pi / 24_000) * 0.4
            for at in range(0, len(tone), 1152):
                piece = tone[None, at : at + 1152].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 24_000, at
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
        return path

    return make


def streams(found: Playable | None) -> dict[str, str]:
    assert found
    with av.open(io.BytesIO(found.data)) as container:
        return {one.type: one.codec_context.codec.canonical_name for one in container.streams}


def duration(found: Playable | None) -> float:
    assert found
    with av.open(io.BytesIO(found.data)) as container:
        return float((container.duration or 0) / 1e6)


def test_a_short_file_that_browsers_play_comes_as_it_is(film: Film) -> None:
    path = film("a.mp4", "libx264")
    assert playable(Video(path)) == Playable("video/mp4", path.read_bytes())


def test_another_is_copied_small_with_its_sound(film: Film) -> None:
    found = playable(Video(film("a.avi", "mpeg4")))
    assert streams(found) == {"video": "h264", "audio": "aac"}
    assert duration(found) == pytest.approx(2.0, abs=0.2)
    with av.open(io.BytesIO(found.data if found else b"")) as container:
        assert max(container.streams.video[0].width, container.streams.video[0].height) <= 480


def test_a_large_file_is_copied_small(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("a.mp4", "libx264")
    monkeypatch.setattr(module, "WHOLE", path.stat().st_size - 1)
    found = playable(Video(path))
    assert found and found.data != path.read_bytes() and duration(found) > 1.8


def test_a_span_begins_where_it_says(film: Film) -> None:
    """The square is as far to the right as at that second of the whole."""
    found = playable(Video(film("a.mp4", "libx264", 4.0), Span(2.0, 3.0)))
    assert duration(found) == pytest.approx(1.0, abs=0.2)
    with av.open(io.BytesIO(found.data if found else b"")) as container:
        first = next(container.decode(video=0)).to_ndarray(format="gray")
    bright = np.flatnonzero(first[20] > 128) * 640 / first.shape[1]
    assert bright.min() == pytest.approx(20 * 8, abs=8)


def test_a_gif_becomes_a_video(tmp_path: Path) -> None:
    shades = [Pil.new("RGB", (62, 41), (40 * at, 90, 120)) for at in range(6)]
    shades[0].save(tmp_path / "a.gif", save_all=True, append_images=shades[1:], duration=200)
    assert streams(playable(Video(tmp_path / "a.gif"))) == {"video": "h264"}


def test_sounds(tmp_path: Path, film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        samples = (np.sin(np.arange(16_000) / 4) * 9000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert playable(Audio(path)) == Playable("audio/wav", path.read_bytes())
    monkeypatch.setattr(module, "WHOLE", 1000)
    small = playable(Audio(path))
    assert streams(small) == {"audio": "aac"} and duration(small) == pytest.approx(2.0, abs=0.1)


def test_what_is_too_long_is_nobodys_copy(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("a.avi", "mpeg4")
    monkeypatch.setattr(module, "LONGEST_VIDEO", 1.0)
    assert playable(Video(path)) is None


def test_what_cannot_be_decoded_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(200))
    with pytest.raises(InputError):
        playable(Video(tmp_path / "a.mp4"))


@pytest.mark.parametrize("often", [8.0, 15.0, 30.0])
def test_no_two_pictures_of_a_copy_are_of_one_time(often: float) -> None:
    """Files with pauses, and with several pictures at one time."""

    class Frames:
        step = 0.04

        def __iter__(self) -> Iterator[tuple[float, None]]:
            times = [0.0, 0.0, 0.04, 0.5, 0.5, 0.5, 0.54, 2.0, 2.0, 2.01, 3.0]
            return iter([(time, None) for time in times])

    found = [time for time, _ in module._pictures(Frames(), None, often)]  # type: ignore[arg-type]
    assert all(later - time >= 0.4 / often for time, later in pairwise(found))
    assert {0.0, 0.5, 2.0, 3.0} <= set(found)

"""Sounds written here in many forms, and what comes back of them."""

import tracemalloc
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.media import Audio, Media, Span, Video
from sensorium.media.sound import Sound, read_sound

Floats = NDArray[np.float32]
CODECS = {"wav": "pcm_s16le", "flac": "flac", "ogg": "libopus", "mp3": "libmp3lame", "m4a": "aac"}


def tone(hertz: float, seconds: float, rate: int, loud: float = 0.5) -> Floats:
    times = np.arange(round(seconds * rate)) / rate
    return (loud * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def sweep(seconds: float, rate: int, start: float = 0.0) -> Floats:
    """A tone that rises through 200 Hz a second, so that every moment sounds like itself only."""
    times = start + np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 + 100 * times) * times)).astype(np.float32)


def write(path: Path, channels: Floats, rate: int, layout: str = "mono") -> Path:
    """float32 (channels, n) or (n,) → a file, by its suffix."""
    codec = CODECS[path.suffix[1:]]
    planar = np.atleast_2d(channels).astype(np.float32)
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream(codec, rate=rate, layout=layout)
        change = av.AudioResampler(stream.format.name, layout, rate)
        for at in range(0, planar.shape[1], 1024):
            block = np.ascontiguousarray(planar[:, at : at + 1024])
            frame = av.AudioFrame.from_ndarray(block, "fltp", layout)
            frame.sample_rate, frame.pts = rate, at
            for made in change.resample(frame):
                target.mux(stream.encode(made))
        for made in change.resample(None):
            target.mux(stream.encode(made))
        target.mux(stream.encode(None))
    return path


def whole(source: Path | bytes, span: Span | None = None, rate: int = 16_000) -> Sound:
    """All pieces as one."""
    pieces = list(read_sound(source, span, rate))
    samples = np.concatenate([one.samples for one in pieces])
    return Sound(pieces[0].start, rate, samples, pieces[-1].note)


def strongest(samples: Floats, rate: int = 16_000) -> float:
    """The frequency that is loudest, in Hz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(power.argmax() * rate / len(samples))


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_every_format_comes_back_at_the_rate_asked(suffix: str, rate: int, tmp_path: Path) -> None:
    sound = whole(write(tmp_path / f"a.{suffix}", tone(440, 2.0, rate), rate))
    assert (sound.rate, sound.note) == (16_000, "") and sound.samples.dtype == np.float32
    assert len(sound.samples) == pytest.approx(32_000, abs=2000)  # mp3 pads with its delay
    assert strongest(sound.samples) == pytest.approx(440, abs=1)
    middle = sound.samples[8_000:24_000]
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=0.06)


def test_conversion_keeps_what_fits_and_drops_what_does_not(tmp_path: Path) -> None:
    kept = tone(6_500, 1.0, 48_000, 0.4)
    folded = tone(11_000, 1.0, 48_000, 0.4)  # would be heard at 5 kHz
    low = whole(write(tmp_path / "a.wav", kept, 48_000)).samples[2000:-2000]
    high = whole(write(tmp_path / "b.wav", folded, 48_000)).samples[2000:-2000]
    assert np.abs(low).max() == pytest.approx(0.4, rel=0.02)
    assert np.abs(high).max() < 0.4e-4


def test_conversion_moves_nothing_in_time(tmp_path: Path) -> None:
    given = sweep(3.0, 44_100)
    sound = whole(write(tmp_path / "a.flac", given, 44_100))
    assert sound.start == 0 and len(sound.samples) == 48_000
    assert np.abs(sound.samples - sweep(3.0, 16_000))[200:-200].max() < 2e-3


@pytest.mark.parametrize("suffix", CODECS)
def test_a_span_is_that_stretch_to_the_sample(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{suffix}", sweep(12.0, 48_000), 48_000)
    for span in (Span(0.25, 1.0), Span(5.0, 7.5), Span(11.0, 99.0)):
        part = whole(path, span)
        assert 0 <= part.start - span.start < 1.01 / 16_000
        assert part.end <= min(span.end, 12.1) + 1e-3
        assert part.end > min(span.end, 12.0) - 1e-3
        given = sweep(len(part.samples) / 16_000, 16_000, part.start)
        assert np.abs(part.samples - given)[200:10_000].max() < 0.05, span


def test_surround_is_mixed_with_the_voice_in_front(tmp_path: Path) -> None:
    silent = np.zeros(16_000, np.float32)
    voice, music, rumble = tone(300, 1, 16_000), tone(1000, 1, 16_000), tone(60, 1, 16_000, 0.9)
    channels = np.stack([music, silent, voice, rumble, silent, silent])
    sound = whole(write(tmp_path / "a.wav", channels, 16_000, "5.1")).samples
    power = np.abs(np.fft.rfft(sound)) * 2 / len(sound)
    assert power[300] / power[1000] == pytest.approx(2**0.5, rel=0.02)
    assert power[60] < 1e-3
    everything = np.stack([tone(300, 1, 16_000, 1.0)] * 6)
    assert np.abs(whole(write(tmp_path / "b.wav", everything, 16_000, "5.1")).samples).max() <= 1


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = tone(440, 1, 16_000, 0.8), tone(1000, 1, 16_000, 0.2)
    path = write(tmp_path / "a.wav", np.stack([left, right]), 16_000, "stereo")
    assert np.abs(whole(path).samples - (left + right) / 2).max() < 1e-3


def test_pieces_follow_each_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", sweep(5.0, 16_000), 16_000)
    pieces = list(read_sound(path, seconds=2.0))
    assert [len(one.samples) for one in pieces] == [32_000, 32_000, 16_000]
    assert [one.start for one in pieces] == [0, 2, 4]
    joined = np.concatenate([one.samples for one in pieces])
    assert np.abs(joined - sweep(5.0, 16_000)).max() < 1e-3


def test_clipped_sound_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.clip(tone(200, 2, 44_100, 3.0), -1, 1), 44_100)
    (sound,) = read_sound(path)
    assert sound.note.startswith("clipped: ") and np.abs(sound.samples).max() <= 1
    (clean,) = read_sound(write(tmp_path / "b.wav", tone(200, 2, 44_100, 0.9), 44_100))
    assert clean.note == ""


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_file_cut_off_gives_what_is_there_and_says_so(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{suffix}", sweep(8.0, 16_000), 16_000)
    data = path.read_bytes()
    sound = whole(data[: len(data) // 2])
    assert 3 < sound.end < 5 and sound.note
    assert np.abs(sound.samples - sweep(8.0, 16_000)[: len(sound.samples)])[:32_000].max() < 0.1


def test_a_broken_middle_is_left_out(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "a.flac", sweep(8.0, 16_000), 16_000).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    pieces = list(read_sound(bytes(data)))
    assert pieces[0].start == 0 and pieces[-1].end == pytest.approx(8.0, abs=0.1)
    last = pieces[-1]
    expected = sweep(8.0, 16_000)[round(last.start * 16_000) :][: len(last.samples)]
    assert np.abs(last.samples[-16_000:] - expected[-16_000:]).max() < 0.01


def test_a_pause_of_the_clock_begins_a_new_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for at, block in enumerate(tone(440, 2, 16_000).reshape(-1, 1000)):
            made = (block * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(made, "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, at * 1000 + (32_000 if at >= 16 else 0)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    first, second = read_sound(path)
    assert (first.start, first.end) == pytest.approx((0, 1), abs=0.002)
    assert (second.start, second.end) == pytest.approx((3, 4), abs=0.002)


def test_a_video_without_sound_and_no_sound_at_all_are_told(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))
    with pytest.raises(InputError, match="pictures but no sound"):
        next(Video(path).sound())
    empty = tmp_path / "empty.wav"
    with wave.open(str(empty), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    with pytest.raises(InputError, match="empty"):
        next(read_sound(empty))
    with pytest.raises(NotFound):
        next(read_sound(tmp_path / "none.wav"))


def test_of_media(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 2, 8_000), 8_000)
    media = Media.of(f"{path}@0.5s-1s", Audio)
    assert isinstance(media, Audio)
    (sound,) = media.sound(rate=24_000)
    assert (sound.start, len(sound.samples)) == (0.5, 12_000)
    with pytest.raises(InputError, match="a moment has no sound"):
        next(Audio(path, Span(1, 1)).sound())
    with pytest.raises(InputError, match="empty"):
        next(Audio(path, Span(5, 6)).sound())


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    def peak(seconds: float) -> int:
        path = write(tmp_path / f"{seconds}.flac", tone(440, seconds, 16_000), 16_000)
        tracemalloc.start()
        for sound in read_sound(path, seconds=5.0):
            assert len(sound.samples)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(5)
    assert peak(120) < 1.3 * peak(20)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["wav", "flac", "ogg", "mp3"]), st.integers(0, 10**6), st.binary(max_size=64)
)
def test_damage_is_told_or_passed_over(
    damaged: dict[str, bytes], suffix: str, at: int, junk: bytes
) -> None:
    data = bytearray(damaged[suffix])
    at %= len(data)
    data[at : at + len(junk)] = junk
    try:
        for sound in read_sound(bytes(data)):
            assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 1
    except SensoriumError as error:
        assert error.why


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sounds")
    samples = sweep(0.5, 16_000)
    return {
        suffix: write(folder / f"a.{suffix}", samples, 16_000).read_bytes() for suffix in CODECS
    }

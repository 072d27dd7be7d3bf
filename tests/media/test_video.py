"""Videos, written here, cut into shots, frames and clips."""

import io
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sensorium.errors import InputError, NotFound, SensoriumError
from sensorium.media import Kind, Media, Span, Video
from sensorium.media.video import (
    Scene,
    middle,
    probe,
    read_frame,
    read_scenes,
    write_clip,
)

MakeVideo = Callable[..., Path]


def cuts(scenes: list[Scene]) -> list[float]:
    return [round(scene.span.start, 2) for scene in scenes[1:]]


def number_of(pixels: NDArray[np.uint8]) -> int:
    """Which frame of the first 32 it is."""
    return round(float(pixels[4:24, 4:24].mean()) / 8) % 32


def test_shots_are_told_apart(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (1.2, 2.0, 0.8, 1.6))
    scenes = list(read_scenes(path, at_least=48))
    assert cuts(scenes) == pytest.approx([1.2, 3.2, 4.0], abs=0.09)
    assert scenes[0].span.start == 0
    assert scenes[-1].span.end == pytest.approx(5.6, abs=0.05)
    for scene, following in pairwise(scenes):
        assert scene.span.end == following.span.start
        assert scene.note == ""
    for scene in scenes:
        length = scene.span.end - scene.span.start
        assert scene.pixels.shape == (48, 80, 3)
        assert scene.nbytes == scene.pixels.nbytes
        assert abs(scene.at - (scene.span.start + length / 2)) <= length / 4 + 0.05
        exact = read_frame(path, scene.at, 48)
        assert np.abs(exact.astype(int) - scene.pixels).mean() < 1


def test_a_long_shot_is_cut_in_pieces(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (5.0,))
    assert cuts(list(read_scenes(path, every=2.0))) == pytest.approx([2.0, 4.0], abs=0.09)
    assert len(list(read_scenes(path))) == 1
    spans = [scene.span for scene in read_scenes(path, every=2.4)]
    assert spans[-1].end - spans[-1].start > 0.5  # the last 0.2 s are no scene of their own


def test_flashes_join_their_neighbours(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (1.5, 0.2, 1.5, 0.3))
    scenes = list(read_scenes(path))
    assert len(scenes) <= 3
    assert min(scene.span.end - scene.span.start for scene in scenes) >= 0.5
    assert scenes[-1].span.end == pytest.approx(3.5, abs=0.05)


def test_black_and_still_are_one_scene(tmp_path: Path) -> None:
    for colour in ("black", "white", "orange"):
        frames = [Image.new("RGB", (64, 48), colour) for _ in range(2)]
        frames[1].putpixel((0, 0), (1, 2, 3))
        path = tmp_path / f"{colour}.gif"
        frames[0].save(path, save_all=True, append_images=[*frames[1:], *frames], duration=900)
        assert len(list(read_scenes(path))) == 1


def test_only_the_span_is_read(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (1.2, 2.0, 0.8))
    scenes = list(read_scenes(path, Span(0.6, 2.2)))
    assert (scenes[0].span.start, scenes[-1].span.end) == pytest.approx((0.6, 2.2))
    assert cuts(scenes) == pytest.approx([1.2], abs=0.09)
    moment = list(read_scenes(path, Span(1.0, 1.0)))
    assert [scene.at for scene in moment] == [1.0]
    assert number_of(moment[0].pixels) == 25


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.mov", "v.webm"])
def test_any_frame_is_found_exactly(make_video: MakeVideo, tmp_path: Path, name: str) -> None:
    codec = {"v.webm": "libvpx", "v.avi": "mpeg4"}.get(name, "libx264")
    options = {"g": "10", "b": "2000000"} if codec != "libx264" else {"g": "10", "bf": "2"}
    path = make_video(tmp_path / name, (1.24,), codec=codec, options=options)
    for number in (0, 1, 7, 9, 10, 11, 23, 30):
        assert number_of(read_frame(path, number / 25 + 0.02)) == number
    assert number_of(read_frame(path, 1.3)) == 30  # a little behind the end: the last one
    with pytest.raises(InputError, match="after its end"):
        read_frame(path, 20)


def test_a_start_that_is_not_zero(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mkv", (1.0, 1.0), lambda number: 7 + number / 25)
    scenes = list(read_scenes(path))
    assert scenes[0].span.start == 0
    assert cuts(scenes) == pytest.approx([1.0], abs=0.09)
    assert number_of(read_frame(path, 0.5)) == 12


def test_variable_frame_rate(make_video: MakeVideo, tmp_path: Path) -> None:
    def times(number: int) -> float:  # 25 a second, then 5 a second
        return number / 25 if number < 25 else 1 + (number - 25) / 5

    path = make_video(tmp_path / "v.mp4", (1.0, 4.0), times)
    assert cuts(list(read_scenes(path))) == pytest.approx([1.0], abs=0.2)
    assert number_of(read_frame(path, 1.3)) == 26
    assert number_of(read_frame(path, 1.39)) == 26


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_players_turn_and_so_do_we(make_video: MakeVideo, tmp_path: Path, turn: int) -> None:
    path = make_video(tmp_path / "v.mp4", turn=turn)
    facts = probe(path)
    assert (facts.width, facts.height) == ((160, 96) if turn % 180 == 0 else (96, 160))
    pixels = read_frame(path, 0.6)
    assert pixels.shape == (facts.height, facts.width, 3)
    assert number_of(np.rot90(pixels, -turn // 90)) == 15
    assert next(read_scenes(path)).pixels.shape == pixels.shape


def test_facts(make_video: MakeVideo, tmp_path: Path) -> None:
    facts = probe(make_video(tmp_path / "v.mp4", (2.0,), sound=True))
    assert facts.duration == pytest.approx(2.0, abs=0.1)
    assert facts.has_sound
    assert not probe(make_video(tmp_path / "mute.mp4")).has_sound
    assert middle(tmp_path / "v.mp4") == pytest.approx(1.0, abs=0.05)
    assert middle(tmp_path / "v.mp4", Span(0.5, 1)) == 0.75


def test_a_gif_with_durations(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    views = [rng.integers(0, 256, (3, 4, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)] * 1
    views += [rng.integers(0, 256, (3, 4, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)]
    frames = [Image.fromarray(view) for view in views for _ in range(3)]
    for index, frame in enumerate(frames):
        frame.putpixel((index, 0), (0, 0, 0))  # equal frames would be merged
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[500] * 3 + [200] * 3)
    assert Media.of(path).kind is Kind.VIDEO
    assert Media.of(path.read_bytes()).kind is Kind.VIDEO
    scenes = list(Video(path).scenes())
    assert cuts(scenes) == pytest.approx([1.5])
    assert scenes[-1].span.end == pytest.approx(2.1)


def test_media_decode_when_asked(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (1.0,))
    for video in (Video(path), Video(path.read_bytes()), Media.of(str(path))):
        assert isinstance(video, Video)
        assert number_of(video.frame(0.3)) == 7
        assert video.pixels(48).shape == (48, 80, 3)
        assert len(list(video.scenes())) == 1
    moment = Media.of(f"{path}@0.4s")
    assert isinstance(moment, Video)
    assert number_of(moment.pixels()) == 10


def test_a_cut_off_file_gives_what_it_has(make_video: MakeVideo, tmp_path: Path) -> None:
    whole = make_video(tmp_path / "v.mkv", (2.0, 2.0, 2.0), options={"g": "10"}).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    scenes = list(read_scenes(path))
    assert 1 <= len(scenes) <= 2


def test_a_cut_off_mp4_says_where(make_video: MakeVideo, tmp_path: Path) -> None:
    import av

    whole = make_video(tmp_path / "v.mp4", (2.0, 2.0, 2.0), options={"g": "10"})
    with (
        av.open(str(whole)) as source,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    scenes = list(read_scenes(data[: len(data) * 6 // 10]))
    assert 2 <= len(scenes) <= 3
    assert "can be decoded" in scenes[-1].note
    assert read_frame(data[: len(data) * 6 // 10], 5.5).shape == (96, 160, 3)
    with pytest.raises(InputError, match="cut off, or was never finished"):
        list(read_scenes(whole.read_bytes()[: whole.stat().st_size // 2]))


def test_damage_in_the_middle_is_passed_over(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mkv", (2.0, 2.0), options={"g": "10"})
    data = bytearray(path.read_bytes())
    middle_of_file = len(data) // 2
    data[middle_of_file : middle_of_file + 400] = bytes(400)
    assert list(read_scenes(bytes(data)))


def test_what_is_no_video(make_video: MakeVideo, tmp_path: Path) -> None:
    import av

    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "words.mp4").write_bytes(b"words, nothing but words " * 20)
    (tmp_path / "list.mp4").write_text(
        f"#EXTM3U\n#EXTINF:1,\n{tmp_path / 'v.mp4'}\n#EXT-X-ENDLIST\n"
    )
    make_video(tmp_path / "v.mp4")
    with av.open(str(tmp_path / "sound.mp4"), "w") as target:
        tone = target.add_stream("aac", rate=16000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        samples.sample_rate = 16000
        target.mux(tone.encode(samples))
        target.mux(tone.encode(None))
    for name, why in (
        ("empty.mp4", "empty"),
        ("words.mp4", "no sound or video that we read"),
        ("list.mp4", "no sound or video that we read"),
        ("sound.mp4", "sound but no moving picture"),
    ):
        for call in (probe, lambda path: list(read_scenes(path)), lambda path: read_frame(path, 0)):
            with pytest.raises(InputError, match=why) as caught:
                call(tmp_path / name)
            assert caught.value.what == str(tmp_path / name)
    with pytest.raises(NotFound):
        probe(tmp_path / "absent.mp4")
    with pytest.raises(InputError, match="folder"):
        probe(tmp_path)


def test_clips_play(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (2.0, 2.0), sound=True, turn=90, options={"g": "25"})
    out = tmp_path / "clip.mp4"
    write_clip(path, Span(1.2, 2.4), out)
    facts = probe(out)
    assert 1.1 <= facts.duration <= 1.7
    assert (facts.width, facts.height, facts.has_sound) == (96, 160, True)
    first = np.rot90(read_frame(out, 0), -1)
    assert number_of(first) == 25  # the keyframe before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.mp4", "v.mp4"]


def test_clips_of_what_mp4_cannot_hold(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.webm", (1.0, 1.0), codec="libvpx", options={"b": "2000000"})
    out = tmp_path / "clip.mp4"
    write_clip(path, Span(0.6, 1.6), out)
    assert probe(out).duration == pytest.approx(1.0, abs=0.1)
    assert number_of(read_frame(out, 0)) == 15
    assert len(list(read_scenes(out))) == 1 or cuts(list(read_scenes(out))) == [0.4]
    with pytest.raises(InputError, match="nothing lies there"):
        write_clip(path, Span(50, 60), tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


@pytest.fixture(scope="module")
def small(make_video: MakeVideo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("small")
    found = {
        name: make_video(folder / f"v.{name}", (0.4,), codec=codec).read_bytes()
        for name, codec in (("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"))
    }
    out = io.BytesIO()
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue", "green")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return found | {"gif": out.getvalue()}


@given(data=st.binary(max_size=400))
@settings(deadline=None, max_examples=60)
def test_any_bytes_at_all(data: bytes) -> None:
    with pytest.raises(SensoriumError):
        list(read_scenes(data))


@given(where=st.floats(0, 1), junk=st.binary(min_size=1, max_size=12), data=st.data())
@settings(deadline=None, max_examples=60)
def test_damaged_files(small: dict[str, bytes], where: float, junk: bytes, data: Any) -> None:
    whole = bytearray(small[data.draw(st.sampled_from(sorted(small)))])
    place = int(where * (len(whole) - len(junk)))
    whole[place : place + len(junk)] = junk
    try:
        for scene in read_scenes(bytes(whole), at_least=16):
            assert scene.pixels.shape[2] == 3
        read_frame(bytes(whole), 0.1)
    except SensoriumError:
        pass


def test_ffmpeg_keeps_quiet(make_video: MakeVideo, tmp_path: Path) -> None:
    data = bytearray(make_video(tmp_path / "v.mp4", (1.0,)).read_bytes())
    data[300:3000:7] = bytes(len(data[300:3000:7]))
    (tmp_path / "bad.mp4").write_bytes(data)
    script = (
        "import sys; from pathlib import Path; from sensorium.media.video import read_scenes\n"
        "try: list(read_scenes(Path(sys.argv[1])))\nexcept Exception as error: pass"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "bad.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_ten_bits_and_pixels_that_are_not_square(tmp_path: Path) -> None:
    import av

    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p10le"
        stream.sample_aspect_ratio = Fraction(3, 2)
        for number in range(5):
            flat = np.full((96, 96, 3), (200, 40, 90), np.uint8)
            frame = av.VideoFrame.from_ndarray(flat, "rgb24").reformat(format="yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    assert (probe(path).width, probe(path).height) == (144, 96)
    pixels = read_frame(path, 0.1, 48)
    assert pixels.shape == (48, 72, 3)
    assert np.abs(pixels.astype(int) - (200, 40, 90)).max() <= 3


def test_a_video_that_was_begun_and_holds_nothing_says_so(tmp_path: Path) -> None:
    path = tmp_path / "begun.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.start_encoding()
    with pytest.raises(InputError, match="before its first picture or sound"):
        probe(path)

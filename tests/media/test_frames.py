from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sensorium.errors import InputError
from sensorium.media import Span, Video
from sensorium.media.frames import read_frames

Make = Callable[..., Path]


def numbers(path: Path, **how: Any) -> list[tuple[float, int]]:
    """Moments, and which frame of the first 31 was got."""
    return [
        (round(one.at, 3), round(float(one.pixels[4:28, 4:28].mean()) / 8))
        for one in read_frames(path, **how)
    ]


def test_a_frame_every_so_often(make_video: Make, tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", (1.0,), options={"bf": "0"})
    assert numbers(path, every=0.2) == [(0.0, 0), (0.2, 5), (0.4, 10), (0.6, 15), (0.8, 20)]
    assert numbers(path, span=Span(0.4, 0.8), every=0.2) == [(0.4, 10), (0.6, 15)]
    assert [at for at, _ in numbers(path, every=5.0)] == [0.0]


def test_passed_over_frames_leave_one_that_is_near(make_video: Make, tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", (1.2,))
    for at, number in numbers(path, every=0.2):
        assert number == pytest.approx(at * 25, abs=4)


def test_what_is_still_shown_is_the_same_array(make_video: Make, tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "slow.mp4", (3.0,), lambda number: number * 1.0, options={"bf": "0"}
    )
    frames = list(read_frames(path, every=0.25))
    assert [one.at for one in frames[:9]] == [n / 4 for n in range(9)]
    same = [one.pixels is after.pixels for one, after in pairwise(frames)]
    assert same[:8] == [True, True, True, False] * 2


def test_sizes_are_of_the_upright_frame(make_video: Make, tmp_path: Path) -> None:
    path = make_video(tmp_path / "turned.mp4", (0.4,), turn=90)
    (one,) = Video(path).frames(every=1.0, at_least=48)
    assert one.pixels.shape == (80, 48, 3)
    assert one.scale == 0.5


def test_a_cut_file_gives_what_it_has(make_video: Make, tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mkv", (4.0,), options={"g": "10", "bf": "0"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    *_, last = read_frames(path, every=0.5)
    assert "can be decoded" in last.note
    assert 0 < last.at < 3.5


def test_a_file_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    path.write_bytes(b"")
    with pytest.raises(InputError):
        list(read_frames(path))

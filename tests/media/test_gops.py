"""Passing over quiet stretches changes the work, not what is found."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sensorium.media import Span, gops
from sensorium.media.container import Frames, open_container, video_stream
from sensorium.media.video import Scene, read_scenes

MakeVideo = Callable[..., Path]
SHOTS = (9.0, 0.8, 0.8, 7.4, 4.0)


@pytest.fixture(scope="module", params=["10", "50"])
def film(
    request: pytest.FixtureRequest, make_video: MakeVideo, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Keyframes at fixed places, which are not those of the cuts."""
    options = {"g": request.param, "sc_threshold": "0", "preset": "veryfast"}
    return make_video(tmp_path_factory.mktemp("film") / "v.mp4", SHOTS, still=True, options=options)


def decoded(path: Path, quiet: bool) -> int:
    with open_container(path) as container:
        frames = Frames(container, video_stream(container, path))
        packets: Any = container.demux(frames.stream)
        if quiet:
            packets = gops.passing_over(packets, gops.quiet_groups(path))
        return sum(1 for _ in frames.decoded(packets))


def test_most_is_passed_over(film: Path) -> None:
    assert decoded(film, quiet=False) == 550
    assert decoded(film, quiet=True) < 330


@pytest.mark.parametrize("span", [None, Span(3.3, 19.1)])
def test_the_same_scenes_are_found(
    film: Path, span: Span | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> list[Scene]:
        return list(read_scenes(film, span, every=4.0))

    whole = look()
    monkeypatch.setattr(gops, "LONG", 0.0)
    quick = look()
    assert len(quick) >= len(whole)
    cuts = [9.0, 9.8, 10.6, 18.0]
    for scenes in (whole, quick):
        starts = [scene.span.start for scene in scenes]
        for cut in cuts:
            assert min(abs(start - cut) for start in starts) < 0.1
        assert max(scene.span.end - scene.span.start for scene in scenes) <= 4.1
        for scene, following in pairwise(scenes):
            assert scene.span.end == following.span.start
    assert quick[-1].span.end == whole[-1].span.end


def test_a_group_that_cannot_be_matched_is_decoded(film: Path) -> None:
    with open_container(film) as container:
        packets = list(container.demux(video_stream(container, film)))
        assert len(list(gops.passing_over(iter(packets), iter([])))) == len(packets)
        wrong = iter([(10**9, True)])
        assert len(list(gops.passing_over(iter(packets), wrong))) == len(packets)

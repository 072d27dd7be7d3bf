"""A playlist of what was found: its moments, by names that any player reads."""

from pathlib import Path

from sensorium.media import Span
from sensorium.results import Hit, Hits
from sensorium.views.playlist import playlist


def test_moments_in_order_and_nothing_else() -> None:
    talk = Hit(Path("/films/a talk\n1.mp4"), "video", 0.3, Span(4.4, 7.4))
    other = Hit(Path("/films/b.mp4"), "video", 0.2, Span(61, 75))
    photo = Hit(Path("/photos/c.jpg"), "image", 0.1)
    assert playlist(Hits(query="q", hits=(talk, photo, other), searched=3)).splitlines() == [
        "#EXTM3U",
        "#EXTINF:3.000,/films/a talk 1.mp4@4.4s-7.4s",
        "#EXTVLCOPT:start-time=4.400",
        "#EXTVLCOPT:stop-time=7.400",
        "file:///films/a%20talk%0A1.mp4",
        "#EXTINF:14.000,/films/b.mp4@61s-75s",
        "#EXTVLCOPT:start-time=61.000",
        "#EXTVLCOPT:stop-time=75.000",
        "file:///films/b.mp4",
    ]

"""Hits as a playlist: the found moments of videos, one after another."""

from sensorium.results import Hits
from sensorium.views import words


def playlist(hits: Hits) -> str:
    """Extended M3U, best first. VLC keeps to the moments; other players play the files whole."""
    lines = ["#EXTM3U"]
    for hit in hits:
        if hit.kind == "video" and hit.span:
            start, end = hit.span.start, hit.span.end
            title = " ".join(words.address(hit).split())
            lines.append(f"#EXTINF:{end - start:.3f},{title}")
            lines += [f"#EXTVLCOPT:start-time={start:.3f}", f"#EXTVLCOPT:stop-time={end:.3f}"]
            lines.append(hit.path.absolute().as_uri())
    return "\n".join(lines) + "\n"

"""What numbers mean, in words; shared by the terminal and the page."""

from pathlib import Path

from sensorium.media import Span
from sensorium.results import Hit, Reason


def likelihood(relevance: float) -> str:
    """A probability as people say it."""
    if relevance >= 0.85:
        return "very likely"
    if relevance >= 0.6:
        return "likely"
    if relevance >= 0.3:
        return "perhaps"
    return "unlikely"


def clock(seconds: float) -> str:
    """12.5 → 0:12, 3725 → 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(span: Span) -> str:
    """0:12, or 0:10–0:20 for a stretch of more than a second."""
    if clock(span.start) == clock(span.end):
        return clock(span.start)
    return f"{clock(span.start)}–{clock(span.end)}"


def address(hit: Hit) -> str:
    """As it is typed: a path, from here where it lies below, and the span."""
    near = shortened(hit.path)
    return f"{near}@{hit.span}" if hit.span else near


def shortened(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def because(reason: Reason) -> str:
    """Why something was found; empty where it looks like what was asked, which goes unsaid."""
    match reason.by:
        case "picture":
            return ""
        case "text":
            return f"says “{short(reason.text)}”"
        case "words in the picture":
            return f"shows the words “{short(reason.text)}”"
        case "name":
            return "its name says so"
        case other:
            return f"{other} “{short(reason.text)}”" if reason.text else other


def short(text: str, most: int = 80) -> str:
    """One line of at most `most` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def copies(paths: tuple[Path, ...]) -> str:
    """The other files that show the same."""
    named = ", ".join(path.name for path in paths[:2])
    more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
    return f"the same as {named}{more}"

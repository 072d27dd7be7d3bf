"""How a result looks on a page."""

from html import escape

from sensorium.results import Result


def fragment(result: Result) -> str:
    """A piece of HTML for a notebook."""
    return f"<pre>{escape(result.to_json(indent=2))}</pre>"

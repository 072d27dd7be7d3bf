from pathlib import Path

import pytest

from sensorium.media import Span
from sensorium.results import Reason
from sensorium.views.words import because, clock, copies, likelihood, moment, short


def test_times_are_read_as_on_a_clock() -> None:
    assert [clock(s) for s in (0, 12.5, 61, 3725)] == ["0:00", "0:12", "1:01", "1:02:05"]
    assert moment(Span(12.2, 12.9)) == "0:12" and moment(Span(10, 20)) == "0:10–0:20"


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.9, "very likely"), (0.6, "likely"), (0.3, "perhaps"), (0.1, "unlikely")],
)
def test_probabilities_have_words(chance: float, words: str) -> None:
    assert likelihood(chance) == words


def test_reasons_are_sentences() -> None:
    assert because(Reason("picture")) == ""
    assert because(Reason("text", text="a\n b")) == "says “a b”"
    assert because(Reason("sound", text="rain")) == "sound “rain”"
    assert len(short("x" * 500)) == 80


def test_copies_are_counted() -> None:
    several = tuple(Path(f"/a/{name}.jpg") for name in "bcde")
    assert copies(several[:1]) == "the same as b.jpg"
    assert copies(several) == "the same as b.jpg, c.jpg and 2 more"

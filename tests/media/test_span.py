import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.errors import InputError
from sensorium.media import Span

seconds = st.integers(0, 10**8).map(lambda milliseconds: milliseconds / 1000)


@given(seconds, seconds)
def test_a_span_reads_what_it_wrote(a: float, b: float) -> None:
    span = Span(min(a, b), max(a, b))
    assert Span.parse(str(span)) == span


def test_how_it_is_written() -> None:
    assert str(Span(12.5, 12.5)) == "12.5s"
    assert str(Span(10, 20)) == "10s-20s"
    assert str(Span(123456.789, 123456.789)) == "123456.789s"


@pytest.mark.parametrize("text", ["", "12", "-1s", "20s-10s", "1s-", "s", "1e3s", "nans"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Span.parse(text)

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.results import Row
from sensorium.views.lanes import MOST, ZOOMS, Columns, Scale, levels


def row(steps: int) -> Row:
    """Anger rises, joy falls; every seventh step saw nothing."""
    seen = [at % 7 != 0 for at in range(steps)]
    anger = [at / steps * there for at, there in enumerate(seen)]
    joy = [(1 - at / steps) * there for at, there in enumerate(seen)]
    return Row({"anger": tuple(anger), "joy": tuple(joy)}, tuple(seen))


@pytest.mark.parametrize("steps", [1, 7, MOST, MOST + 1, 7200])
def test_columns_keep_the_means_of_what_was_seen(steps: int) -> None:
    columns = Columns.of(row(steps), ("anger", "joy"))
    assert len(columns.seen) <= MOST and columns.size * len(columns.seen) >= steps
    assert np.allclose(columns.values[columns.seen].sum(axis=1), 1)
    assert (columns.values[~columns.seen] == 0).all()


def test_runs_and_stretches() -> None:
    chances: dict[str, tuple[float, ...]] = {
        "a": (0.9, 0.8, 0.0, 0.2, 0.9),
        "b": (0.1, 0.2, 0.0, 0.8, 0.1),
    }
    columns = Columns.of(Row(chances, (True, True, False, True, True)), ("a", "b"))
    assert list(columns.runs) == [(0, 2), (3, 5)]
    assert list(columns.stretches()) == [(0, 2, 0), (3, 4, 1), (4, 5, 0)]
    assert columns.best() == [0, 0, -1, 1, 0]


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(1, 20))
def test_what_is_shown_at_a_zoom_has_room(places: list[float], needed: float) -> None:
    found = levels(places, needed)
    for level, zoom in enumerate(ZOOMS):
        shown = sorted(p for p, own in zip(places, found, strict=True) if own <= level)
        assert all(b - a >= needed / zoom - 1e-9 for a, b in pairwise(shown))
    assert not places or 0 in found


@given(st.floats(0, 1e4), st.floats(0.3, 5e4), st.integers(1, 80))
def test_marks_are_round_and_few(start: float, length: float, most: int) -> None:
    scale = Scale(start, start + length)
    marks = scale.marks(most)
    assert len(marks) <= most + 1 or length / most > 7200
    assert all(scale.start - 1e-6 <= at <= scale.end + 1e-6 for at in marks)

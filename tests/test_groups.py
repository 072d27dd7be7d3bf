from hypothesis import given
from hypothesis import strategies as st

from sensorium.groups import Groups

THINGS = st.integers(0, 9)


@given(st.lists(st.tuples(THINGS, THINGS), max_size=15))
def test_a_group_is_what_can_be_reached(pairs: list[tuple[int, int]]) -> None:
    groups = Groups[int]()
    for one, other in pairs:
        before = groups.first(one)
        groups.join(one, other)
        assert groups.first(one) == groups.first(other) == before
    for start in range(10):
        reached, size = {start}, 0
        while size < len(reached):
            size = len(reached)
            reached |= {two for pair in pairs if reached & {*pair} for two in pair}
        assert {one for one in range(10) if groups.first(one) == groups.first(start)} == reached

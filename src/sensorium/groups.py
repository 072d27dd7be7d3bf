"""Groups: what belongs together, directly or through others."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Groups(Generic[Thing]):
    """Disjoint sets (union-find: Galler and Fischer 1964); a thing never joined is its own."""

    def __init__(self) -> None:
        self._above: dict[Thing, Thing] = {}

    def first(self, one: Thing) -> Thing:
        """The same for all of a group."""
        while (above := self._above.get(one, one)) != one:
            self._above[one] = self._above.get(above, above)
            one = above
        return one

    def join(self, one: Thing, other: Thing) -> None:
        """The first of `one` is the first of both."""
        self._above[self.first(other)] = self.first(one)

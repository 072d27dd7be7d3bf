"""Feed: endless batches of drawn pairs, the same for the same seed from any batch on.

Which pairs a batch holds, how a picture is cropped and which caption is taken follow from the seed
and the batch's number alone, so a run that goes on needs no more than the number, and processes
share a batch by each taking its part of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError, SensoriumError
from sensorium.flow import Failed, Flow
from sensorium.flow.threads import Threads
from sensorium.runtime.devices import threads
from sensorium.train.data import Pairs
from sensorium.train.pair import Bad, Captions, Pair
from sensorium.train.readers.parquet import KEPT
from sensorium.train.view import View

_AHEAD = 3  # batches that are decoded before they are asked for
_AT_ONCE = 8  # pairs that a thread draws before it hands them on: a hand-over costs half a picture
_TRIES = 20  # bad pairs in a row that are passed by before a run is given up


@dataclass(frozen=True)
class Drawn:
    """A pair as a batch has it. pixels: uint8 (size, size, 3), augmented; (0, 0, 3) where pictures
    are not wanted. random: draws what else is left to chance of this pair, a caption for one."""

    pair: Pair
    pixels: NDArray[np.uint8]
    random: np.random.Generator

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes

    def text(self) -> str:
        """One caption of any language by chance, empty where there is none."""
        texts = self.pair.texts
        return texts[int(self.random.integers(len(texts)))] if texts else ""


@dataclass(frozen=True)
class _Some:
    """A few pairs of a batch, drawn together."""

    pairs: tuple[Drawn, ...]

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.pairs)


Batch = tuple[Drawn, ...]


def pixels_of(batch: Sequence[Drawn]) -> NDArray[np.uint8]:
    """uint8 (n, size, size, 3)."""
    return np.stack([one.pixels for one in batch])


@dataclass(frozen=True)
class Part:
    """Which part of every batch is this process's."""

    rank: int = 0
    count: int = 1


class Feed:
    """Batches of `size` pairs, of which this process gets size / part.count."""

    def __init__(
        self, pairs: Pairs, size: int, seed: int, view: View | None, part: Part | None = None
    ) -> None:
        """view: how a picture becomes pixels, None to leave pictures alone (texts only)."""
        self.part = part or Part()
        if size % self.part.count:
            raise InputError(
                f"a batch of {size} cannot be shared by {self.part.count} processes",
                hint="--batch a multiple of the number of processes",
            )
        self.pairs = pairs
        self.size = size
        self.seed = seed
        self.view = view
        self.bad: dict[str, Bad] = {bad.where: bad for bad in pairs.bad}
        self._blocks = pairs.blocks
        self._order = lru_cache(2)(lambda epoch: order(self._blocks, self.seed, epoch))

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """From batch `start` on, without end. Pictures are decoded in threads, ahead of need."""
        share = self.size // self.part.count
        few = max(n for n in range(1, min(share, _AT_ONCE) + 1) if share % n == 0)
        # A queue of no bytes is never full: without pictures there is nothing to draw ahead.
        workers = threads() if self.view else 0
        ahead = _AHEAD * share * 3 * self.view.size**2 if self.view else 0
        numbers = Flow(self._numbers(start, few))
        flow = numbers.map(self._some, workers).batch(share // few).run(Threads(ahead))
        with closing(flow):  # type: ignore[type-var]
            for parts in flow:
                if isinstance(parts, Failed):
                    raise parts.error
                yield tuple(one for some in parts for one in some.pairs)

    def _numbers(self, start: int, few: int) -> Iterator[range]:
        share = self.size // self.part.count
        for number in count(start):
            first = number * self.size + self.part.rank * share
            yield from (range(at, at + few) for at in range(first, first + share, few))

    def _some(self, numbers: range) -> _Some:
        return _Some(tuple(map(self._draw, numbers)))

    def _draw(self, number: int) -> Drawn:
        """The pair of that number, or, where it cannot be used, another by chance."""
        epoch, place = divmod(number, len(self.pairs))
        chosen = int(self._order(epoch)[place])
        random = np.random.default_rng([self.seed, 1, number])
        for _ in range(_TRIES):
            pair = self.pairs[chosen]
            try:
                return Drawn(pair, self._pixels(pair, random), random)
            except (SensoriumError, OSError) as error:
                self.bad[pair.where] = Bad(pair.where, str(error))
                chosen = int(random.integers(len(self.pairs)))
        raise InputError(
            f"{_TRIES} pictures in a row cannot be read",
            why=f"the last: {self.bad[pair.where]}",
            hint="sensorium train check DATA",
        )

    def _pixels(self, pair: Pair, random: np.random.Generator) -> NDArray[np.uint8]:
        if self.view is None:
            return np.empty((0, 0, 3), np.uint8)
        return self.view(pair, random)


def order(blocks: Sequence[int], seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation of all places for one pass through the data.

    Blocks are shuffled, and pairs within windows of as many blocks as readers keep in memory; where
    every pair is its own block it is one full shuffle.
    """
    random = np.random.default_rng([seed, 0, epoch])
    sizes = np.asarray(blocks, np.int64)
    if len(sizes) <= KEPT or sizes.max() == 1:
        return random.permutation(int(sizes.sum()))
    starts = np.cumsum(sizes) - sizes
    shuffled = random.permutation(len(sizes))
    windows = []
    for first in range(0, len(shuffled), KEPT - 1):  # one to spare: the next window is read ahead
        window = shuffled[first : first + KEPT - 1]
        places = np.concatenate([np.arange(starts[b], starts[b] + sizes[b]) for b in window])
        windows.append(random.permutation(places))
    return np.concatenate(windows)


@dataclass(frozen=True)
class Kept:
    """What validation looks at: decoded once, never augmented.

    pixels: uint8 (n, size, size, 3). captions: of each picture.
    """

    ids: tuple[str, ...]
    pixels: NDArray[np.uint8]
    captions: tuple[Captions, ...]


def keep(pairs: Pairs, view: View, limit: int) -> Kept:
    """The first `limit` pairs that can be read."""
    ids, pixels, captions = [], [], []

    def look(pair: Pair) -> tuple[Pair, NDArray[np.uint8]]:
        return pair, view.plain(pair)

    flow = Flow(pairs[:limit]).map(look, threads=threads()).run()
    with closing(flow):  # type: ignore[type-var]
        for one in flow:
            if isinstance(one, Failed):
                pairs.bad.append(Bad(one.item.where, str(one.error)))
                continue
            pair, square = one
            ids.append(pair.id)
            pixels.append(square)
            captions.append(pair.captions)
    if not pixels:
        raise InputError(
            "there is nothing to validate on",
            why="no picture of that part can be read",
            hint="sensorium train check DATA",
        )
    return Kept(tuple(ids), np.stack(pixels), tuple(captions))

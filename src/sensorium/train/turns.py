"""Batches of things of which each comes once before any comes again."""

from collections.abc import Iterator

import torch
from torch import Tensor


def each_once(count: int, size: int, seed: int, number: int) -> Iterator[Tensor]:
    """Rows of the batches from the `number`th on, int64 `(size,)`: all of `count` in a new order
    each turn, what does not fill a batch left out of it."""
    order, known = torch.empty(0), -1
    while True:
        turn, at = divmod(number, max(1, count // size))
        if turn != known:
            generator = torch.Generator().manual_seed(seed * 100_003 + turn)
            order, known = torch.randperm(count, generator=generator), turn
        yield order[at * size :][:size]
        number += 1

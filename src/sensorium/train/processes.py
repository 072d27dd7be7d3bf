"""One process or several, with one device each, through the same code.

`torchrun --nproc-per-node 2 -m sensorium train …` starts several; each finds in its environment
who it is. torch.distributed is used directly: what a run needs of it is four calls, and a recipe
with two towers, gathered negatives and gradient caching does not fit in a wrapper's `forward`.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from sensorium.errors import InputError
from sensorium.runtime.devices import threads

_BUCKET = 1 << 22  # numbers that are averaged in one message


@dataclass(frozen=True)
class Processes:
    """rank: which one this is, from 0; the first speaks and writes. count: of all."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over processes."""
        if self.count == 1:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([one.reshape(-1) for one in bucket])
            distributed.all_reduce(flat)
            flat /= self.count
            for one, mean in zip(bucket, flat.split([t.numel() for t in bucket]), strict=True):
                one.copy_(mean.view_as(one))

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by that of the first process."""
        if self.count > 1:
            for one in tensors:
                distributed.broadcast(one.detach(), 0)

    def together(self, texts: list[str]) -> list[str]:
        """The texts of all processes, each once, sorted."""
        if self.count == 1:
            return sorted(set(texts))
        every: list[list[str]] = [[] for _ in range(self.count)]
        distributed.all_gather_object(every, texts)
        return sorted({text for some in every for text in some})

    def any(self, flag: bool) -> bool:
        """Whether it holds in any process."""
        if self.count == 1:
            return flag
        told = torch.tensor([float(flag)], device=self.device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told.item())

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            distributed.barrier()


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors of one type together, so that a message is worth its cost."""
    bucket: list[Tensor] = []
    for one in tensors:
        full = sum(held.numel() for held in bucket) + one.numel() > _BUCKET
        if bucket and (full or one.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(one)
    if bucket:
        yield bucket


@contextmanager
def processes(device: str = "") -> Iterator[Processes]:
    """Join the processes that were started together.

    device: `cpu`, `cuda`; empty for a GPU where there is one. Raises InputError where it is absent.
    """
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    here = _device(device, int(os.environ.get("LOCAL_RANK", 0)))
    if "OMP_NUM_THREADS" not in os.environ:  # torchrun and people say it there
        torch.set_num_threads(max(1, threads() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))
    if count == 1:
        yield Processes(0, 1, here)
        return
    distributed.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, here)
    finally:
        distributed.destroy_process_group()


def _device(named: str, local_rank: int) -> torch.device:
    if named not in ("", "cpu", "cuda"):
        raise InputError(f"training does not run on {named}", hint="cpu or cuda")
    if named == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA here", hint="--device cpu")
    if named == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class _Gather(torch.autograd.Function):  # type: ignore[misc]
    """All processes' rows; a row's gradient is the sum of what every process makes of it."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        distributed.all_reduce(gradient)
        return gradient.chunk(distributed.get_world_size())[distributed.get_rank()]


def gather_rows(rows: Tensor) -> Tensor:
    """(n, …) of each process → (processes · n, …) in order of rank, with gradients to all.

    n is the same in every process. Alone it gives the rows themselves.
    """
    if not distributed.is_initialized():
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered

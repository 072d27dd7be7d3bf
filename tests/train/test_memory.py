"""A large block that is freed and asked for again is not mapped again."""

import ctypes
import sys

import numpy as np
import pytest

from sensorium.train.memory import kept_memory

resource = pytest.importorskip("resource")
glibc = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
BLOCK = 64 * 2**20


def faults() -> int:
    """Pages that eight blocks, one after another, cost."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        np.empty(BLOCK, np.uint8).fill(1)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


@pytest.mark.skipif(not glibc, reason="glibc's malloc alone is told")
def test_freed_blocks_are_used_again() -> None:
    with kept_memory():
        faults()  # the first time they are the system's
        kept = faults()
    given_back = faults()
    assert kept < given_back / 4


def test_an_error_inside_comes_through() -> None:
    with pytest.raises(ValueError, match="oh"), kept_memory():
        raise ValueError("oh")

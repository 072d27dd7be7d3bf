"""What a step frees is kept for the next one."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # malloc.h
_USUAL_TRIM, _USUAL_MMAP = 128 * 1024, 65_536  # glibc's defaults
_NEVER = -1


@contextmanager
def kept_memory() -> Iterator[None]:
    """glibc gives each large block back to the system when it is freed, and every step asks for the
    same blocks anew, page by page: on two cores that was half of a run's time. Afterwards what is
    free goes back. Nothing where there is no glibc.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        with suppress(OSError, AttributeError, TypeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_MMAP_MAX, _USUAL_MMAP)
            libc.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
            libc.malloc_trim(0)

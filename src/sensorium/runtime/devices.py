"""Where a network runs, and on how many threads: decided once, here."""

import os
from enum import StrEnum
from functools import cache
from pathlib import Path

from sensorium.errors import InputError
from sensorium.runtime.home import settings


class Device(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"
    COREML = "coreml"
    DIRECTML = "directml"


def chosen() -> Device:
    """Where models run unless a caller says: `SENSORIUM_DEVICE`, else `device` in settings.toml,
    else the CPU. Raises InputError for another word."""
    named = os.environ.get("SENSORIUM_DEVICE") or settings().get("device", Device.CPU)
    try:
        return Device(named)
    except ValueError:
        raise InputError(f"“{named}” is no device", hint=", ".join(Device)) from None


@cache
def threads() -> int:
    """Cores that this process may use: the affinity mask, capped by a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _quota(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores, quota or cores))


def _quota(path: Path) -> int:
    """Whole cores that the cgroup allows, 0 where there is no limit. Linux, cgroup v2."""
    try:
        allowed, period = path.read_text().split()
        return 0 if allowed == "max" else max(1, int(allowed) // int(period))
    except (OSError, ValueError):
        return 0

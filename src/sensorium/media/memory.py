"""How much memory a decoder may still take on this machine."""

import ctypes
import sys
from pathlib import Path


def available() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not tell."""
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "darwin":
            return _macos()
        return _linux()
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _linux() -> int:
    free = _fields(Path("/proc/meminfo"))["MemAvailable"] * 1024
    return min([free, *_limits()])


def _fields(path: Path) -> dict[str, int]:
    lines = path.read_text("ascii").replace(":", " ").splitlines()
    return {words[0]: int(words[1]) for words in map(str.split, lines) if len(words) > 1}


def _limits() -> list[int]:
    """What each cgroup (v2) above this process leaves it; file cache counts as free."""
    root = Path("/sys/fs/cgroup")
    left = []
    try:
        own = Path("/proc/self/cgroup").read_text("ascii").strip().rpartition("0::")[2]
    except OSError:
        return []
    group = root / own.lstrip("/")
    while group.is_relative_to(root):
        try:
            limit = (group / "memory.max").read_text("ascii").strip()
            used = int((group / "memory.current").read_text("ascii"))
            cache = _fields(group / "memory.stat").get("inactive_file", 0)
        except (OSError, ValueError):
            limit, used, cache = "max", 0, 0
        if limit != "max":
            left.append(max(0, int(limit) - used + cache))
        group = group.parent
    return left


def _macos() -> int:
    libc = ctypes.CDLL(None, use_errno=True)

    def ask(name: bytes, value: "ctypes.c_uint64 | ctypes.c_int") -> int:
        size = ctypes.c_size_t(ctypes.sizeof(value))
        if libc.sysctlbyname(name, ctypes.byref(value), ctypes.byref(size), None, 0):
            raise OSError(ctypes.get_errno(), "sysctl")
        return int(value.value)

    percent = ask(b"kern.memorystatus_level", ctypes.c_int())
    return ask(b"hw.memsize", ctypes.c_uint64()) * percent // 100


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("available_physical", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended", ctypes.c_uint64),
    )


def _windows() -> int:
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    kernel: ctypes.CDLL = getattr(ctypes, "windll").kernel32  # noqa: B009 (absent elsewhere)
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        raise OSError("GlobalMemoryStatusEx")
    return int(status.available_physical)

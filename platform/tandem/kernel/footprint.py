"""What this process holds in memory, and what it gives back while nobody needs it.

A process forked from a loaded one shares its pages until it touches them. What it made or touched is its own, and at
rest that is all it costs.
"""

import ctypes
import os
from pathlib import Path
from typing import Final

from tandem.kernel.database import db

REST_SECONDS: Final = 10
"""Who has had nothing to do for so long is at rest."""


def own_bytes() -> int:
    """What this process shares with no other; 0 where the system does not tell (only Linux does)."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def resident_bytes() -> int:
    """All this process has in memory, shared or not; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back() -> None:
    """Close database connections that nobody uses (each is a process of 3 to 8 MB over there) and return free heap.

    Needs the application's context. Opening a connection again costs ten milliseconds.
    """
    for engine in db.engines.values():
        engine.dispose()
    # glibc's own; others return what is free by themselves or not at all.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

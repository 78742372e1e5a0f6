"""What one competitor was asked to do, and what it cost: the standard library alone, for our Python and the peers'.

A competitor is a process. It is started with one JSON argument, prepares itself, does its work inside `timed()`, and
tells in one line of JSON. Its own CPU and that of the whole PostgreSQL server are counted, with all their children;
nobody else uses that server meanwhile.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class Task:
    """One run of one competitor. `url` is a superuser's, of a database that is this run's own."""

    count: int
    url: str
    postgres_pid: int
    seed: int = 7
    home: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    own_cpu: float = 0.0
    server_cpu: float = 0.0

    @classmethod
    def given(cls) -> "Task":
        """The task on the command line."""
        return cls(**json.loads(sys.argv[-1]))

    @contextmanager
    def timed(self) -> Iterator[None]:
        """What is measured; entered more than once it adds up."""
        if not self.seconds:
            # What was loaded and prepared is not this work's garbage, and batches are looked through for cycles less
            # often: as gunicorn and our workers have it, and the same for the peers.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000)
        server = tree_cpu_seconds(self.postgres_pid)
        own, began = _own_cpu(), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began
        self.own_cpu += _own_cpu() - own
        self.server_cpu += tree_cpu_seconds(self.postgres_pid) - server

    def tell(self, count: int | None = None, *, peak_rss_mb: float | None = None, **said: Any) -> None:
        """Say what it cost. `count` is what was really done, when that is not what was asked."""
        told = {
            "count": self.count if count is None else count,
            "seconds": self.seconds,
            "own_cpu": self.own_cpu,
            "server_cpu": self.server_cpu,
            "peak_rss_mb": peak_rss_mb if peak_rss_mb is not None else peak_rss_bytes() / 1e6,
            "said": said,
        }
        print("\n" + json.dumps(told), flush=True)


def tree_cpu_seconds(pid: int) -> float:
    """What a process and its descendants have computed, those that have ended included. 0 for no process."""
    if not pid:
        return 0.0
    children: dict[int, list[tuple[int, float]]] = {}
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat:
                busy = sum(map(int, stat[11:15])) / _TICKS  # own and of children waited for, user and system
                children.setdefault(int(stat[1]), []).append((int(entry.name), busy))
                if int(entry.name) == pid:
                    total += busy
    waiting = [pid]
    for each in waiting:
        for child, busy in children.get(each, []):
            total += busy
            waiting.append(child)
    return total


def peak_rss_bytes(pid: int | str = "self") -> int:
    """The most memory a process has held at once: of this program alone, not of whoever started it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _own_cpu() -> float:
    return tree_cpu_seconds(os.getpid())


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []

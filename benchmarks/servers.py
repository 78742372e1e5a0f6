"""gunicorn in front of either handler, with the same settings, and what the machine spends on it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_SECONDS: Final = 60
_TICKS: Final = os.sysconf("SC_CLK_TCK")
CHECKOUT: Final = Path(__file__).parent.parent


@dataclass(frozen=True)
class Web:
    """A running gunicorn."""

    name: str
    port: int
    pid: int


@contextmanager
def serving(
    name: str, target: str, config: str, environment: Mapping[str, str], log: Path, *, python: str = sys.executable
) -> Iterator[Web]:
    """gunicorn with `target`, from listening to gone."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(512)
    port = door.getsockname()[1]
    metrics = log.with_suffix(".metrics")
    metrics.mkdir(exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "-c", config, target],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'platform'}",
                **environment,
                "TANDEM_BIND": f"fd://{door.fileno()}",
                "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            },
            stdout=out,
            stderr=out,
            pass_fds=[door.fileno()],
            start_new_session=True,
        )
    try:
        until = time.monotonic() + READY_SECONDS
        while len(family(process.pid)) < 3:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Web(name, port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        door.close()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat:
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """What these processes have computed so far, in user and in system mode."""
    return sum((int(stat[11]) + int(stat[12])) / _TICKS for stat in map(_stat, pids) if stat)


def pss_bytes(pid: int) -> int:
    """A process's proportional share of memory: shared pages are divided among those who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def called(pid: int) -> str:
    """A process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\x00", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []

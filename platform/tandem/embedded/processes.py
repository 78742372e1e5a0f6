"""Facts about processes, told the same way on Linux and macOS."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

_LINUX = sys.platform == "linux"


def started_mark(pid: int) -> str | None:
    """When this process began, as an opaque mark that a later process with the same pid cannot have.

    None when no such process runs; a zombie counts as gone, for it holds no port and no file.
    """
    if pid <= 0:
        return None
    if _LINUX:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    told = _ps(pid, "stat=,lstart=")
    return None if not told or told.startswith("Z") else " ".join(told.split()[1:])


def command_line(pid: int) -> str:
    """The command a process was started with; empty when it is gone."""
    if _LINUX:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            return words.decode(errors="replace").strip()
        except OSError:
            return ""
    return _ps(pid, "command=")


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Whether the process ended within so many seconds."""
    until = time.monotonic() + seconds
    while started_mark(pid) is not None:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def end_process(pid: int, *, by: signal.Signals, patience_seconds: float) -> None:
    """Ask a process to end, and end its whole group by force if it will not."""
    mark = started_mark(pid)
    if mark is None:
        return
    os.kill(pid, by)
    if not wait_until_gone(pid, patience_seconds) and started_mark(pid) == mark:
        # Our processes lead their own session, so the group is theirs alone.
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid, 5)


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now. Somebody may take it before you do, so be ready to ask again."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _ps(pid: int, columns: str) -> str:
    question = ["/bin/ps", "-o", columns, "-p", str(pid)]
    asked = subprocess.run(question, capture_output=True, text=True, check=False)
    return asked.stdout.strip()

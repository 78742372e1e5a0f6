"""One Valkey for one folder. Its file is a comfort, not a promise: the database knows the jobs."""

import fcntl
import json
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tandem.embedded.binaries import valkey_program
from tandem.embedded.errors import ServerRefused
from tandem.embedded.leash import RANK_VALKEY, leash
from tandem.embedded.processes import end_process, free_port, started_mark

READY_SECONDS = 30


@dataclass
class ValkeyServer:
    """A running server; `url` is what redis-py understands."""

    folder: Path
    port: int
    pid: int
    password: str = field(repr=False)
    # None when the server was found running: somebody else started it and will stop it.
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def is_alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return _server_of(self.folder) == (self.pid, self.port)

    def stop(self) -> None:
        """End the server if we started it; SIGTERM writes the append-only file first."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        leash.release(self.pid)
        (self.folder / "server.json").unlink(missing_ok=True)


def start_valkey(
    home: Path, *, password: str, port: int | None = None, durable: bool = True, outlives_us: bool = False
) -> ValkeyServer:
    """A server whose data is in `home`/valkey: the one already running there, or a new one.

    The password may hold letters, digits, `-` and `_` only. It ends with this process at the latest, unless it
    `outlives_us`. `durable=False` keeps nothing on disk; for tests only.
    Raises ServerRefused, in one line that says how to mend it.
    """
    if not password.replace("-", "").replace("_", "").isalnum():
        raise ServerRefused("the Valkey password may hold letters, digits, - and _ only")
    folder = home / "valkey"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "valkey.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = _server_of(folder)
        if running is not None:
            return ValkeyServer(folder, running[1], running[0], password)
        server = _start(home, folder, password, port=port, durable=durable)
    if outlives_us:
        leash.release(server.pid)
    return server


def stop_valkey(home: Path) -> None:
    """End the server that a dead supervisor left behind on this home, if there is one."""
    running = _server_of(home / "valkey")
    if running is not None:
        end_process(running[0], by=signal.SIGTERM, patience_seconds=15)


def _start(home: Path, folder: Path, password: str, *, port: int | None, durable: bool) -> ValkeyServer:
    log = home / "log" / "valkey.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    until = time.monotonic() + READY_SECONDS
    while True:
        chosen = port or free_port()
        with log.open("wb") as out:
            process = subprocess.Popen(
                [valkey_program(), "-"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        leash.hold(process.pid, by=signal.SIGTERM, rank=RANK_VALKEY)
        if process.stdin is not None:
            # On standard input, because every local user can read a command line.
            process.stdin.write(_configuration(chosen, password, durable=durable).encode())
            process.stdin.close()
        if _is_ready(process, chosen, password, until):
            _write_down(folder, process.pid, chosen)
            return ValkeyServer(folder, chosen, process.pid, password, process)
        leash.release(process.pid)
        said = log.read_text(errors="replace")
        if port is not None or "Address already in use" not in said or time.monotonic() > until:
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
            raise ServerRefused(f"Valkey did not start on port {chosen}: {last} (all of it: {log})")


def _configuration(port: int, password: str, *, durable: bool) -> str:
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        "dir .",
        f"requirepass {password}",
        f"appendonly {'yes' if durable else 'no'}",
        'save ""',
        # A queue that silently drops jobs when full would be worse than one that says no.
        "maxmemory-policy noeviction",
        "tcp-keepalive 60",
    ]
    return "\n".join(lines) + "\n"


def _is_ready(process: subprocess.Popen[bytes], port: int, password: str, until: float) -> bool:
    while process.poll() is None:
        if _answers(port, password):
            return True
        if time.monotonic() > until:
            end_process(process.pid, by=signal.SIGKILL, patience_seconds=5)
        time.sleep(0.01)
    return False


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            heard = b""
            while heard.count(b"\r\n") < 2:
                piece = line.recv(256)
                if not piece:
                    return False
                heard += piece
    except OSError:
        return False
    return heard.startswith(b"+OK\r\n+PONG")


def _write_down(folder: Path, pid: int, port: int) -> None:
    note = json.dumps({"pid": pid, "port": port, "started": started_mark(pid)})
    (folder / "server.json").write_text(note)


def _server_of(folder: Path) -> tuple[int, int] | None:
    """Pid and port of a live server here; the start mark tells it from a stranger with the same pid."""
    try:
        note = json.loads((folder / "server.json").read_text())
    except (OSError, ValueError):
        return None
    if note["started"] is None or started_mark(note["pid"]) != note["started"]:
        return None
    return note["pid"], note["port"]

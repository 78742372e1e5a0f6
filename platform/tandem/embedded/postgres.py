"""One PostgreSQL for one folder: made on the first start, found again or recovered on the next."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tandem.embedded.binaries import Runner, postgres_programs, runner_for
from tandem.embedded.errors import ServerRefused
from tandem.embedded.leash import RANK_POSTGRES, leash
from tandem.embedded.processes import command_line, end_process, free_port, started_mark

ADMIN = "tandem_admin"
READY_SECONDS = 60
_ROTATE_LOG_AT_BYTES = 10_000_000

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket file would need a path short enough for the kernel and open to the dropped user.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "shared_buffers": "64MB",
    # Three I/O processes fewer; a demonstration's data fits in the page cache.
    "io_method": "sync",
}
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass
class PostgresServer:
    """A running server. `admin_url` is the superuser's; nothing but the creation of roles should use it."""

    data: Path
    port: int
    pid: int
    password: str = field(repr=False)
    # None when the server was found running: somebody else started it and will stop it.
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def admin_url(self) -> str:
        return f"postgresql://{ADMIN}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        return self.admin_url

    def is_alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return _server_of(self.data) == self.pid

    def stop(self) -> None:
        """End the server if we started it: SIGINT closes sessions at once and writes everything down."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(10)
        leash.release(self.pid)


def start_postgres(
    home: Path,
    *,
    password: str,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    durable: bool = True,
    outlives_us: bool = False,
) -> PostgresServer:
    """A server whose data is in `home`/postgres: the one already running there, or a new one.

    It ends with this process at the latest, unless it `outlives_us`. `durable=False` forgets the promise to survive
    a power cut; for tests only.
    Raises ServerRefused, in one line that says how to mend it.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = home / "postgres"
    with _one_at_a_time(home):
        pid = _server_of(data)
        if pid is not None:
            return PostgresServer(data, _port_in_use(data), pid, password)
        runner = runner_for(data)
        programs = postgres_programs(runner)
        if not (data / "PG_VERSION").exists():
            _create(home, data, programs, runner, password=password, durable=durable)
        _refuse_other_version(data, programs)
        chosen = {**_SETTINGS, **({} if durable else _NOT_DURABLE), **(settings or {})}
        server = _start(home, data, programs, runner, password=password, port=port, settings=chosen)
    if outlives_us:
        leash.release(server.pid)
    return server


def stop_postgres(home: Path) -> None:
    """End the server that a dead supervisor left behind on this home, if there is one."""
    pid = _server_of(home / "postgres")
    if pid is not None:
        end_process(pid, by=signal.SIGINT, patience_seconds=30)


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(home: Path, data: Path, programs: Path, runner: Runner, *, password: str, durable: bool) -> None:
    # Made beside its place and then renamed, so that a half-made folder is never taken for a database.
    fresh = home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    secret, filled = os.pipe()
    os.write(filled, password.encode() + b"\n")
    os.close(filled)
    if runner.user is not None and runner.group is not None:
        os.chown(fresh, runner.user, runner.group)
        os.fchown(secret, runner.user, runner.group)
    try:
        made = subprocess.run(
            [
                *(programs / "initdb", "-D", _data_as_seen_from_inside(fresh, runner), "-U", ADMIN),
                *("--pwfile", f"/dev/fd/{secret}", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(() if durable else ("--no-sync",)),
            ],
            cwd=fresh,
            env=_ENVIRONMENT,
            user=runner.user,
            group=runner.group,
            extra_groups=runner.extra_groups,
            pass_fds=(secret,),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(secret)
    if made.returncode != 0:
        raise ServerRefused(f"initdb failed in {fresh}: {_last_line(made.stderr)}")
    if data.exists():
        data.rmdir()
    fresh.rename(data)


def _start(
    home: Path,
    data: Path,
    programs: Path,
    runner: Runner,
    *,
    password: str,
    port: int | None,
    settings: Mapping[str, str],
) -> PostgresServer:
    _forget_reused_pid(data)
    log = _log_file(home)
    inside = _data_as_seen_from_inside(data, runner)
    until = time.monotonic() + READY_SECONDS
    while True:
        chosen = port or free_port()
        with log.open("ab") as out:
            began = out.tell()
            process = subprocess.Popen(
                [
                    *(programs / "postgres", "-D", inside, "-p", str(chosen)),
                    *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
                ],
                cwd=data,
                env=_ENVIRONMENT,
                user=runner.user,
                group=runner.group,
                extra_groups=runner.extra_groups,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        leash.hold(process.pid, by=signal.SIGINT, rank=RANK_POSTGRES)
        if _is_ready(process, data, until):
            return PostgresServer(data, chosen, process.pid, password, process)
        leash.release(process.pid)
        said = log.read_bytes()[began:].decode(errors="replace")
        # Between asking for a port and taking it somebody may be quicker; and a server that was killed leaves
        # children behind for a moment, which still hold its shared memory.
        taken = port is None and "could not bind" in said
        if not (taken or "still in use" in said) or time.monotonic() > until:
            raise ServerRefused(f"PostgreSQL did not start on port {chosen}: {_last_line(said)} (all of it: {log})")
        time.sleep(0.1)


def _is_ready(process: subprocess.Popen[bytes], data: Path, until: float) -> bool:
    while process.poll() is None:
        lines = _pid_file(data)
        if len(lines) >= 8 and lines[0].strip() == str(process.pid) and lines[7].strip() == "ready":
            return True
        if time.monotonic() > until:
            end_process(process.pid, by=signal.SIGQUIT, patience_seconds=5)
        time.sleep(0.01)
    return False


def _data_as_seen_from_inside(data: Path, runner: Runner) -> str:
    """The data folder by a name that works for a user who may not walk down to it.

    We enter the folder while we are root and hand it over as the working folder. PostgreSQL insists on an
    absolute name and enters it again; this one is absolute and leads to where the process already stands.
    """
    if not runner.is_dropped:
        return str(data)
    if sys.platform == "linux":
        return "/proc/self/cwd"
    return str(data.resolve())


def _server_of(data: Path) -> int | None:
    """The pid of a live server on this very folder, whatever a stale file says."""
    lines = _pid_file(data)
    if len(lines) < 8 or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _is_postgres_on(data, pid) and lines[7].strip() == "ready" else None


def _is_postgres_on(data: Path, pid: int) -> bool:
    if started_mark(pid) is None or "postgres" not in command_line(pid):
        return False
    if sys.platform != "linux":
        return str(data) in command_line(pid)
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return False


def _forget_reused_pid(data: Path) -> None:
    """PostgreSQL itself forgets a pid that is dead, but not one that now belongs to somebody else."""
    lines = _pid_file(data)
    if not lines or not lines[0].strip().isdigit():
        return
    pid = int(lines[0])
    if started_mark(pid) is None:
        return
    if _is_postgres_on(data, pid):
        # It is starting or stopping without us; there can only be one, and it must be ours.
        end_process(pid, by=signal.SIGINT, patience_seconds=30)
    else:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _port_in_use(data: Path) -> int:
    return int(_pid_file(data)[3])


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _refuse_other_version(data: Path, programs: Path) -> None:
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except PermissionError:
        raise ServerRefused(f"{data} belongs to another user: run as that user, or set TANDEM_HOME") from None
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    major = told.stdout.split()[-1].split(".")[0] if told.stdout.split() else ""
    if made_by != major:
        raise ServerRefused(
            f"{data} was made by PostgreSQL {made_by} and this is {major}:"
            " carry it over (deploy/runbooks/backup-and-restore.md), or set another TANDEM_HOME"
        )


def _log_file(home: Path) -> Path:
    log = home / "log" / "postgres.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > _ROTATE_LOG_AT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error" in line]
    return (telling or lines or ["it said nothing"])[-1].strip()

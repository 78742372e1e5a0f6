"""The servers a fresh machine gets: made, found again, recovered after a crash, stopped with their owner."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tandem.embedded import ServerRefused, start_postgres, start_valkey
from tandem.embedded.processes import started_mark, wait_until_gone


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"


def test_a_row_written_before_a_clean_stop_is_there_after_the_next_start(home: Path) -> None:
    server = start_postgres(home, password="first-light")
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE hospital AS SELECT '省立医院'::text AS name")
    server.stop()

    again = start_postgres(home, password="first-light")

    with psycopg.connect(again.admin_url) as connection:
        assert connection.execute("SELECT name FROM hospital").fetchone() == ("省立医院",)
    again.stop()
    assert not again.is_alive()


def test_a_committed_row_survives_a_server_that_was_killed(home: Path) -> None:
    server = start_postgres(home, password="first-light")
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE payment AS SELECT 7200::bigint AS amount_minor")
    os.kill(server.pid, signal.SIGKILL)
    assert server.process is not None
    server.process.wait()

    recovered = start_postgres(home, password="first-light")

    with psycopg.connect(recovered.admin_url) as connection:
        assert connection.execute("SELECT amount_minor FROM payment").fetchone() == (7200,)
    assert recovered.pid != server.pid
    recovered.stop()


def test_a_pid_file_naming_a_stranger_does_not_stop_the_start(home: Path) -> None:
    start_postgres(home, password="first-light", durable=False).stop()
    stranger = os.getpid()
    (home / "postgres" / "postmaster.pid").write_text(f"{stranger}\n{home}\n0\n5432\n\n127.0.0.1\n 1 1\nready\n")

    server = start_postgres(home, password="first-light", durable=False)

    assert server.pid != stranger
    assert server.is_alive()
    server.stop()


def test_a_second_start_on_the_same_home_finds_the_running_server_and_leaves_it_running(home: Path) -> None:
    first = start_postgres(home, password="first-light", durable=False)

    second = start_postgres(home, password="first-light", durable=False)
    second.stop()

    assert (second.pid, second.port) == (first.pid, first.port)
    assert first.is_alive()
    first.stop()


def test_two_homes_have_two_servers(tmp_path: Path) -> None:
    left = start_postgres(tmp_path / "left", password="left", durable=False)
    right = start_postgres(tmp_path / "right", password="right", durable=False)

    assert left.port != right.port
    with psycopg.connect(right.admin_url) as connection:
        assert connection.execute("SELECT current_setting('port')").fetchone() == (str(right.port),)
    left.stop()
    right.stop()


def test_nobody_enters_postgres_without_the_password(home: Path) -> None:
    server = start_postgres(home, password="first-light", durable=False)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.admin_url.replace("first-light", "guessed"))

    server.stop()


def test_a_taken_port_is_said_in_one_line(home: Path, tmp_path: Path) -> None:
    holder = start_valkey(tmp_path / "holder", password="first-light", durable=False)

    with pytest.raises(ServerRefused, match=f"did not start on port {holder.port}"):
        start_postgres(home, password="first-light", port=holder.port, durable=False)

    holder.stop()


def test_a_job_survives_a_valkey_that_was_stopped(home: Path) -> None:
    server = start_valkey(home, password="first-light")
    with redis.Redis.from_url(server.url) as client:
        client.rpush("queue", "job")
    server.stop()

    again = start_valkey(home, password="first-light")

    with redis.Redis.from_url(again.url) as client:
        assert client.lrange("queue", 0, -1) == [b"job"]
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    again.stop()


def test_nobody_enters_valkey_without_the_password(home: Path) -> None:
    server = start_valkey(home, password="first-light", durable=False)

    once = Retry(NoBackoff(), 0)
    with redis.Redis(port=server.port, retry=once) as client, pytest.raises(redis.AuthenticationError):
        client.ping()

    server.stop()


def test_a_second_start_finds_the_running_valkey(home: Path) -> None:
    first = start_valkey(home, password="first-light", durable=False)

    second = start_valkey(home, password="first-light", durable=False)
    second.stop()

    assert second.pid == first.pid
    assert first.is_alive()
    first.stop()


def test_the_servers_end_when_their_owner_is_killed(home: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from tandem.embedded import start_postgres, start_valkey\n"
            "home = Path(sys.argv[1])\n"
            "print(start_postgres(home, password='x', durable=False).pid, flush=True)\n"
            "print(start_valkey(home, password='x', durable=False).pid, flush=True)\n"
            "time.sleep(60)",
            str(home),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert owner.stdout is not None
    servers = [int(owner.stdout.readline()), int(owner.stdout.readline())]
    assert all(started_mark(pid) for pid in servers)

    owner.kill()
    owner.wait()
    owner.stdout.close()

    assert all(wait_until_gone(pid, 15) for pid in servers)
    assert not (home / "postgres" / "postmaster.pid").exists(), "PostgreSQL was told to stop, not killed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a folder that the server's own user may not enter")
def test_root_runs_postgres_as_somebody_else_even_behind_a_closed_door(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    server = start_postgres(closed / "deep" / "home", password="first-light", durable=False)

    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE behind_the_door")
        connection.execute("SELECT pg_reload_conf()")
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    server.stop()


def test_a_server_that_is_stopped_twice_stays_stopped(home: Path) -> None:
    server = start_valkey(home, password="first-light", durable=False)

    server.stop()
    server.stop()

    assert not server.is_alive()

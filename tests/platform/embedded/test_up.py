"""`tandem up` on a fresh machine: everything starts, everything that falls rises, everything stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tandem.embedded import start_postgres, start_valkey
from tandem.embedded.processes import free_port
from tandem.embedded.roles import with_database

TOP = Path(__file__).parents[3]
PATIENCE_SECONDS = 120


class Up:
    """One `tandem up` in a home of its own, as a person at a terminal would run it."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.port = home, free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TANDEM_", "STRIPE_"))}
        self.environment = {
            **{name: value for name, value in kept.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'platform'}",
            "TANDEM_HOME": str(home),
            "TANDEM_PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            **environment,
        }

    def begin(self, *words: str) -> "Up":
        self.said = (self.home.parent / f"{self.home.name}.out").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tandem.cli", "up", *words],
            cwd=TOP,
            env=self.environment,
            stdout=self.said,
            stderr=self.said,
            start_new_session=True,
        )
        return self

    def until_ready(self) -> "Up":
        until(lambda: self.process.poll() is not None or "Ctrl-C stops everything" in self.words())
        assert self.process.poll() is None, self.words()
        return self

    def words(self) -> str:
        return Path(self.said.name).read_text()

    def tandem(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tandem.cli", *words]
        return subprocess.run(command, cwd=TOP, env=self.environment, capture_output=True, text=True, check=False)

    def env(self) -> dict:
        return json.loads(self.tandem("env", "--json").stdout)

    def family(self) -> list[psutil.Process]:
        """The supervisor and all it started, at any depth."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def one_called(self, *words: str) -> psutil.Process:
        return next(each for each in self.family() if all(word in title(each) for word in words))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_SECONDS)
        self.said.close()


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)


def status(port: int, path: str = "/readyz") -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            return reply.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs([each for each in processes if each.is_running()], timeout=20)[1]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack that runs while these stories are told; each leaves it as whole as it found it."""
    running = Up(tmp_path_factory.mktemp("up") / "home").begin().until_ready()
    yield running
    running.stop()


def test_other_commands_find_the_running_stack_through_its_home(up: Up) -> None:
    found = up.env()

    assert found["running"] is True
    assert found["base_url"] == f"http://127.0.0.1:{up.port}"
    assert status(up.port) == 200
    for role, url in found["database_urls"].items():
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (f"tandem_{role}",)
    with redis.Redis.from_url(found["redis_url"]) as client:
        assert client.ping()
    assert socket.create_connection(("127.0.0.1", int(found["sandbox_url"].rpartition(":")[2]))).close() is None


def test_one_login_for_each_audience_is_printed(up: Up) -> None:
    after = up.words().partition("One login for each audience:")[2]

    assert [line.split()[0] for line in after.splitlines()[1:6]] == [
        "operator",
        "hospital",
        "doctor",
        "employer",
        "patient",
    ]


def test_the_doctor_finds_a_fresh_stack_well(up: Up) -> None:
    told = up.tandem("doctor", "--json")

    assert told.returncode == 0, told.stdout
    assert {each["name"] for each in json.loads(told.stdout)["findings"]} >= {"migrations", "clock", "redis", "disk"}


def test_the_doctor_says_how_to_mend_a_role_that_is_too_strong(up: Up) -> None:
    secrets = json.loads((up.home / "secrets.json").read_text())
    port = json.loads((up.home / "stack.json").read_text())["postgres"]["port"]
    admin = f"postgresql://tandem_admin:{secrets['postgres_password']}@127.0.0.1:{port}/tandem"
    with psycopg.connect(admin) as connection:
        connection.execute("ALTER ROLE tandem_app BYPASSRLS")

    told = up.tandem("doctor")

    with psycopg.connect(admin) as connection:
        connection.execute("ALTER ROLE tandem_app NOBYPASSRLS")
    assert told.returncode == 1
    assert "tandem_app has BYPASSRLS" in told.stdout
    assert "ALTER ROLE" in told.stdout


def test_what_is_secret_is_for_its_owner_alone(up: Up) -> None:
    modes = {name: (up.home / name).stat().st_mode & 0o777 for name in ("stack.json", "secrets.json", ".")}

    assert modes == {"stack.json": 0o600, "secrets.json": 0o600, ".": 0o700}


def test_no_secret_stands_on_a_command_line(up: Up) -> None:
    secrets = json.loads((up.home / "secrets.json").read_text()).values()
    lines = " ".join(title(each) for each in up.family())

    assert [secret for secret in secrets if secret in lines] == []


def test_a_second_supervisor_on_the_same_home_is_told_who_runs(up: Up) -> None:
    second = up.tandem("up")

    assert second.returncode == 1
    assert f"already runs from {up.home} at http://127.0.0.1:{up.port} (pid {up.process.pid})" in second.stderr
    assert status(up.port) == 200


@pytest.mark.parametrize(
    "words", [("tandem worker fast",), ("tandem scheduler",), ("gunicorn", "master"), ("postgres -D",)]
)
def test_who_is_killed_is_started_again(up: Up, words: tuple[str, ...]) -> None:
    until(lambda: any(all(word in title(each) for word in words) for each in up.family()))
    fallen = up.one_called(*words)

    fallen.send_signal(signal.SIGKILL)
    psutil.wait_procs([fallen], timeout=10)

    until(lambda: any(all(word in title(each) for word in words) and each != fallen for each in up.family()))
    until(lambda: status(up.port) == 200)


def test_a_taken_port_is_said_in_one_line(up: Up, tmp_path: Path) -> None:
    other = Up(tmp_path / "other", TANDEM_PORT=str(up.port))

    told = other.tandem("up")

    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        f"Error: port {up.port} is taken: stop what listens there, give another TANDEM_PORT, or leave it unset"
    ]


def test_a_killed_supervisor_takes_everyone_along_and_the_next_run_resumes_beside_another_checkout(
    up: Up, tmp_path: Path
) -> None:
    mine = Up(tmp_path / "mine").begin("--no-demo").until_ready()
    with psycopg.connect(mine.env()["database_urls"]["owner"]) as owner:
        owner.execute("CREATE TABLE kept AS SELECT '省立医院'::text AS name")
    everyone = mine.family()

    mine.process.kill()
    mine.process.wait()
    mine.said.close()

    assert gone(everyone)
    again = mine.begin("--no-demo").until_ready()
    with psycopg.connect(again.env()["database_urls"]["owner"]) as owner:
        assert owner.execute("SELECT name FROM kept").fetchone() == ("省立医院",)
    everyone = again.family()
    again.stop()
    assert gone(everyone)
    assert again.process.returncode == 0
    assert status(up.port) == 200, "the other checkout's stack is untouched"


def test_being_asked_to_stop_while_starting_leaves_nobody_behind(tmp_path: Path) -> None:
    early = Up(tmp_path / "home").begin("--no-demo")
    until(lambda: (early.home / "stack.json").exists())
    everyone = early.family()

    early.stop()

    assert gone(everyone)
    assert "stopped while starting" in early.words()


def test_real_servers_and_real_stripe_keys_replace_what_was_brought_along(tmp_path: Path) -> None:
    postgres = start_postgres(tmp_path / "servers", password="dba", durable=False)
    valkey = start_valkey(tmp_path / "servers", password="dba", durable=False)
    up = Up(
        tmp_path / "home",
        DATABASE_URL=with_database(postgres.admin_url, "hospitals"),
        REDIS_URL=valkey.url,
        STRIPE_SECRET_KEY="sk_test_given",
        STRIPE_WEBHOOK_SECRET="whsec_given",
    )
    up.begin("--no-demo").until_ready()

    found = up.env()
    started = " ".join(title(each) for each in up.family())
    up.stop()

    assert "sandbox_url" not in found
    assert found["redis_url"] == valkey.url
    assert {url.rpartition("@")[2] for url in found["database_urls"].values()} == {
        f"127.0.0.1:{postgres.port}/hospitals"
    }
    assert not any(word in started for word in ("postgres -D", "valkey-server", "stripe_sandbox"))
    assert postgres.is_alive()
    assert valkey.is_alive()
    valkey.stop()
    postgres.stop()

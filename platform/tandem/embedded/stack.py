"""The whole stack on one machine: what `tandem up` starts, in which order, and how it ends.

Order is time here. Loading the application takes longer than making a database, so gunicorn and the migrator load
it while PostgreSQL is still being made; ports are therefore chosen and written down before anything listens on them.
"""

import http.client
import json
import os
import select
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tandem.embedded.checkout import checkout
from tandem.embedded.crew import Crew, Member, Say, end_leftovers
from tandem.embedded.door import knock, open_door
from tandem.embedded.errors import ServerRefused
from tandem.embedded.home import Home
from tandem.embedded.postgres import ADMIN, PostgresServer, start_postgres, stop_postgres
from tandem.embedded.processes import free_port, port_is_free, started_mark
from tandem.embedded.roles import ROLES, VARIABLES, DatabaseUrls, database_urls, prepare_database
from tandem.embedded.stopping import Stopping
from tandem.embedded.valkey import ValkeyServer, start_valkey, stop_valkey

QUEUES: Final = ("fast", "slow")
WEBHOOK_PATH: Final = "/webhooks/stripe"
READY_SECONDS: Final = 120
REVIVE_SECONDS: Final = 5
# Stages of stopping: first who works (gunicorn before the workers; `tandem serve` sees to it), then who is talked to.
STAGE_PLATFORM, STAGE_SANDBOX = 0, 1


class StoppedEarly(Exception):
    """Somebody asked us to stop while we were still starting."""


@dataclass(frozen=True)
class Plan:
    """Where everything will be, decided before anything is started. None: not ours, an address was given."""

    port: int
    postgres_port: int | None
    valkey_port: int | None
    sandbox_port: int | None
    admin_url: str | None
    redis_url: str

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str | None:
        return None if self.sandbox_port is None else f"http://127.0.0.1:{self.sandbox_port}"


class Stack:
    """One running stack. `start` brings it up, `watch` keeps it up until asked to stop, `stop` takes it down."""

    def __init__(self, home: Home, environ: Mapping[str, str], say: Say, stopping: Stopping) -> None:
        self._home, self._environ, self._say, self._stopping = home, environ, say, stopping
        self._secrets = home.secrets()
        self._passwords = {r: self._secrets[f"{r.removeprefix('tandem_')}_password"] for r in ROLES}
        self._given = {role: environ[name] for role, name in VARIABLES.items() if environ.get(name)}
        self._end_leftovers()
        self._door = open_door(environ.get("TANDEM_PORT"))
        self.plan = self._decide()
        self._urls: DatabaseUrls | None = None
        self._postgres: PostgresServer | None = None
        self._valkey: ValkeyServer | None = None
        self._revive_after = 0.0
        self._crew = Crew(checkout(), home.logs, self._environment(), say)

    def start(self, *, demo: bool = True) -> dict[str, Any]:
        """Bring everything up. Returns what the demonstration data has to tell: one login for each audience.

        Raises ServerRefused in one line, or StoppedEarly.
        """
        if self.plan.valkey_port is None:
            knock(self.plan.redis_url, 6379)
        if self.plan.admin_url is not None and len(self._given) < len(ROLES):
            self._urls = prepare_database(self.plan.admin_url, self._passwords, given=self._given)
        else:
            self._urls = self._urls_to_be()
        self._write_down()
        platform = Member("platform", self._tandem("serve", *QUEUES, "--wait"), STAGE_PLATFORM, patience_seconds=40)
        platform.file_descriptors = (self._door.fileno(),)
        preparation = Member("preparation", self._tandem("prepare"), STAGE_PLATFORM)
        self._crew.start(platform, waits_for_us=True)
        self._crew.run_beside(preparation)
        self._start_servers()
        self._write_down()
        self._let_prepare(preparation)
        self._wait_until_ready(platform)
        if self.plan.sandbox_port is not None:
            self._crew.start(self._sandbox(self.plan.sandbox_port))
        self._crew.go_on(platform)
        self._write_down()
        self._say(f"Tandem runs at  {self.plan.base_url}")
        seeded = self._seed(preparation) if demo else {}
        self._crew.dismiss(preparation)
        self._write_down()
        return seeded

    def watch(self) -> None:
        """Keep everybody running until asked to stop."""
        while not self._stopping.wait(0.5):
            self._revive_servers()
            if self._crew.look_after():
                self._write_down()

    def stop(self) -> None:
        """Everything we started ends: gunicorn, workers, sandbox, Valkey, and PostgreSQL last."""
        self._crew.stop()
        self._door.close()
        for server in (self._valkey, self._postgres):
            if server is not None:
                server.stop()
        stack = self._home.stack()
        if stack:
            self._home.write_stack({**stack, "supervisor": None, "children": []})

    def _end_leftovers(self) -> None:
        """Whoever a killed supervisor left behind. We hold the home's lock, so nobody else can own them."""
        left = end_leftovers(self._home.stack().get("children", []))
        stop_valkey(self._home.path)
        stop_postgres(self._home.path)
        if left:
            self._say(f"recovered from a supervisor that was killed: ended {left} processes it left behind")

    def _decide(self) -> Plan:
        before = self._home.stack()
        admin_url, redis_url = self._environ.get("DATABASE_URL") or None, self._environ.get("REDIS_URL")
        postgres_port = valkey_port = None
        if admin_url is None and len(self._given) < len(ROLES):
            postgres_port = _again((before.get("postgres") or {}).get("port"))
        if not redis_url:
            valkey_port = _again((before.get("valkey") or {}).get("port"))
            redis_url = f"redis://:{self._secrets['valkey_password']}@127.0.0.1:{valkey_port}/0"
        return Plan(
            port=self._door.getsockname()[1],
            postgres_port=postgres_port,
            valkey_port=valkey_port,
            sandbox_port=None if self._environ.get("STRIPE_SECRET_KEY") else _again(before.get("sandbox_port")),
            admin_url=admin_url,
            redis_url=redis_url,
        )

    def _environment(self) -> dict[str, str]:
        metrics = self._home.path / "metrics"
        metrics.mkdir(mode=0o700, exist_ok=True)
        for old in metrics.glob("*.db"):
            # Counters of processes that are gone would be added to ours for ever.
            old.unlink()
        return {
            **self._environ,
            "TANDEM_HOME": str(self._home.path),
            "TANDEM_PORT": str(self.plan.port),
            "TANDEM_BIND": f"fd://{self._door.fileno()}",
            "TANDEM_BASE_URL": self._environ.get("TANDEM_BASE_URL") or self.plan.base_url,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONUNBUFFERED": "1",
            # glibc gives each thread a heap of its own, and after one large block (a password's hash takes 19 MB) keeps
            # every later one of its size: two heaps, and large blocks given back, save each process 20 to 35 MB.
            "MALLOC_ARENA_MAX": self._environ.get("MALLOC_ARENA_MAX") or "2",
            "MALLOC_MMAP_THRESHOLD_": self._environ.get("MALLOC_MMAP_THRESHOLD_") or "131072",
            # macOS ends a process that was forked, as gunicorn's are, when it first asks for an address.
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        }

    def _urls_to_be(self) -> DatabaseUrls:
        """How the roles will get in, said before the server that will let them in exists."""
        place = self.plan.admin_url or f"postgresql://{ADMIN}@127.0.0.1:{self.plan.postgres_port}/postgres"
        return database_urls(place, self._passwords, given=self._given)

    def _start_servers(self) -> None:
        if self.plan.postgres_port is not None:
            prepare_database(self._begin_postgres().admin_url, self._passwords, given=self._given)
        if self.plan.valkey_port is not None:
            self._begin_valkey()

    def _revive_servers(self) -> None:
        now = time.monotonic()
        for name, server, begin in (
            ("PostgreSQL", self._postgres, self._begin_postgres),
            ("Valkey", self._valkey, self._begin_valkey),
        ):
            if server is None or server.is_alive() or now < self._revive_after:
                continue
            self._say(f"{name} ended by itself; starting it again")
            server.stop()
            try:
                begin()
            except ServerRefused as refused:
                self._say(f"{refused}; trying again in {REVIVE_SECONDS} s")
                self._revive_after = now + REVIVE_SECONDS
            self._write_down()

    def _begin_postgres(self) -> PostgresServer:
        password = self._secrets["postgres_password"]
        self._postgres = start_postgres(self._home.path, password=password, port=self.plan.postgres_port)
        return self._postgres

    def _begin_valkey(self) -> ValkeyServer:
        password = self._secrets["valkey_password"]
        self._valkey = start_valkey(self._home.path, password=password, port=self.plan.valkey_port)
        return self._valkey

    def _seed(self, preparation: Member) -> dict[str, Any]:
        self._say("seeding the demonstration data")
        try:
            return self._let_prepare(preparation)
        except ServerRefused as refused:
            # The platform runs; only what there would be to look at is missing.
            self._say(f"without demonstration data: {refused}")
            return {}

    def _let_prepare(self, preparation: Member) -> dict[str, Any]:
        """Let the preparation take its next step and hear what it did."""
        process = preparation.process
        if process is None or process.stdout is None:
            raise ValueError("the preparation was not started with pipes")
        self._crew.go_on(preparation)
        while not select.select([process.stdout], [], [], 0.1)[0]:
            self._stop_if_asked()
            self._crew.look_after()
        line = process.stdout.readline()
        if not line:
            raise ServerRefused(
                f"the database could not be prepared: {self._crew.last_words(preparation)}"
                f" (all of it: {self._crew.log(preparation)})"
            )
        found: dict[str, Any] = json.loads(line)
        return found

    def _wait_until_ready(self, platform: Member) -> None:
        until, heard = time.monotonic() + READY_SECONDS, "nothing"
        while time.monotonic() < until:
            self._stop_if_asked()
            if platform.process is not None and platform.process.poll() is not None:
                break
            status, heard = _ask(self.plan.port, "/readyz", heard)
            if status == 200:
                return
            time.sleep(0.03)
        raise ServerRefused(
            f"the web server did not become ready; /readyz said {heard}; its log ends: "
            f"{self._crew.last_words(platform)} (all of it: {self._crew.log(platform)})"
        )

    def _stop_if_asked(self) -> None:
        if self._stopping.asked:
            raise StoppedEarly

    def _write_down(self) -> None:
        urls = self._urls
        supervisor = _own_mark()
        self._home.write_stack(
            {
                "port": self.plan.port,
                "base_url": self.plan.base_url,
                "postgres": self._postgres and {"port": self._postgres.port, "pid": self._postgres.pid},
                "valkey": self._valkey and {"port": self._valkey.port, "pid": self._valkey.pid},
                "database_urls": urls.as_dict() if urls else {},
                "redis_url": self.plan.redis_url,
                "sandbox_url": self.plan.sandbox_url,
                "sandbox_port": self.plan.sandbox_port,
                "supervisor": supervisor,
                "children": self._crew.roll(),
            }
        )

    def _tandem(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tandem.cli", *words]

    def _sandbox(self, port: int) -> Member:
        command = [sys.executable, "-m", "tandem.stripe_sandbox", "--port", str(port)]
        command += ["--data", str(self._home.path / "stripe_sandbox")]
        command += ["--clock-file", str(self._home.path / "clock")]
        command += ["--webhook-url", f"{self.plan.base_url}{WEBHOOK_PATH}"]
        # Its secrets go by the environment: every local user can read a command line.
        given = (self._environ.get("STRIPE_WEBHOOK_SECRET") or "").split(",")[0].strip()
        environment = {
            "STRIPE_SANDBOX_SECRET_KEY": self._secrets["stripe_secret_key"],
            "STRIPE_SANDBOX_WEBHOOK_SECRET": given or self._secrets["stripe_webhook_secret"],
        }
        return Member("stripe sandbox", command, STAGE_SANDBOX, environment=environment)


def _again(port: int | None) -> int:
    """The same port as last time if it is still free, so that other tools' settings stay true."""
    return port if port and port_is_free(port) else free_port()


def _own_mark() -> dict[str, Any]:
    return {"pid": os.getpid(), "started": started_mark(os.getpid())}


def _ask(port: int, path: str, before: str) -> tuple[int, str]:
    """Status and body of one GET; status 0 and what was heard before when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, f"{reply.status} {reply.read(2000).decode(errors='replace')}"
    except (OSError, http.client.HTTPException):
        return 0, before
    finally:
        connection.close()

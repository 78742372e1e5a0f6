"""Where the competitions take place: one durable PostgreSQL for all, and a fresh copy of a database for each run."""

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.servers import CHECKOUT
from tandem.embedded import PostgresServer, ServerRefused, ValkeyServer, start_postgres, start_valkey
from tandem.embedded.binaries import Runner, postgres_programs
from tandem.embedded.roles import ROLES, prepare_database, with_database
from tandem.embedded.schema import upgrade

PASSWORD: Final = "benchmarks"
SETTINGS: Final[Mapping[str, str]] = {
    "max_connections": "100",
    "shared_buffers": "512MB",
    # No checkpoint in the middle of anybody's run; each run begins right after one.
    "max_wal_size": "16GB",
    "checkpoint_timeout": "60min",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
"""The same for everybody. The rest is as `tandem up` has it, which is PostgreSQL's own default but for jit off."""


@dataclass
class Place:
    """The servers and the folder of a session of competitions."""

    home: Path
    postgres: PostgresServer
    valkey: ValkeyServer

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """A superuser's URL of a fresh copy of a database, dropped afterwards."""
        name = f"run_{os.getpid()}"
        with self._admin() as admin:
            admin.execute(_words("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
            # Copying files begins and ends with a checkpoint, so everybody starts from a clean slate.
            admin.execute(_words("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template))
        try:
            yield with_database(self.postgres.admin_url, name)
        finally:
            with self._admin() as admin:
                admin.execute(_words("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))

    def ensure(self, template: str, make: Callable[[str], object], *, out_of: str = "template0") -> None:
        """Make a data set once, out of a copy of another; `make` is given a superuser's URL of it."""
        if self.has(template):
            return
        draft = f"draft_{os.getpid()}"
        with self._admin() as admin:
            admin.execute(_words("DROP DATABASE IF EXISTS {} WITH (FORCE)", draft))
            admin.execute(_words("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", draft, out_of))
        make(with_database(self.postgres.admin_url, draft))
        self._settle(draft, template)

    def url_of(self, template: str) -> str:
        """A superuser's URL of a data set itself; whoever uses it leaves it as it was."""
        return with_database(self.postgres.admin_url, template)

    def has(self, template: str) -> bool:
        with self._admin() as admin:
            return admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone() is not None

    def upgraded(self, name: str, wanted: str) -> bool:
        """Bring an older data set of this name to the schema at hand and call it `wanted`; False where there is none.

        One that cannot be upgraded is dropped.
        """
        with self._admin() as admin:
            found = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{name}-________"])
            older = [row[0] for row in found]
        for each in older:
            try:
                self._migrate(self.url_of(each))
            except (psycopg.Error, ServerRefused, SQLAlchemyError):
                self.forget(each)
                continue
            self._settle(each, wanted)
            return True
        return False

    def forget(self, template: str) -> None:
        """Drop a data set."""
        with self._admin() as admin:
            admin.execute(_words("DROP DATABASE IF EXISTS {} WITH (FORCE)", template))

    def ours(self) -> str:
        """The name of a migrated and empty database of the platform, made when it is not there."""
        name = f"tandem_{schema_mark()}"
        self.ensure(name, self._migrate)
        return name

    def environment(self, url: str) -> dict[str, str]:
        """What a process of the platform needs to know to work on this database."""
        urls = prepare_database(url, dict.fromkeys(ROLES, self.postgres.password))
        return {
            "TANDEM_HOME": str(self.home),
            "TANDEM_BASE_URL": "http://127.0.0.1:8000",
            "TANDEM_OWNER_DATABASE_URL": urls.owner,
            "TANDEM_APP_DATABASE_URL": urls.app,
            "TANDEM_OPERATOR_DATABASE_URL": urls.operator,
            "REDIS_URL": self.valkey.url,
            "TANDEM_SECRET_KEY": PASSWORD,
            "TANDEM_FIELD_KEY": b64encode(bytes(range(32))).decode(),
            "TANDEM_AUDIT_KEY": b64encode(bytes(range(32, 64))).decode(),
            "STRIPE_SECRET_KEY": "sk_test_" + "0" * 24,
            "STRIPE_WEBHOOK_SECRET": "whsec_" + "0" * 32,
        }

    def _migrate(self, url: str) -> None:
        upgrade(prepare_database(url, dict.fromkeys(ROLES, self.postgres.password)).owner)

    def _settle(self, draft: str, template: str) -> None:
        with psycopg.connect(with_database(self.postgres.admin_url, draft), autocommit=True) as inside:
            inside.execute("VACUUM ANALYZE")
        with self._admin() as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [draft])
            admin.execute(_words("ALTER DATABASE {} RENAME TO {}", draft, template))

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.admin_url, autocommit=True)


@contextmanager
def opened(home: Path) -> Iterator[Place]:
    """The servers of this home, from started to stopped."""
    home.mkdir(parents=True, exist_ok=True)
    postgres = start_postgres(home, password=PASSWORD, settings=SETTINGS)
    valkey = start_valkey(home, password=PASSWORD)
    try:
        yield Place(home, postgres, valkey)
    finally:
        valkey.stop()
        postgres.stop()


def bench_home() -> Path:
    """Where servers, data sets and the peers' environment stay between sessions."""
    return Path(os.environ.get("TANDEM_BENCH_HOME") or CHECKOUT / ".tandem" / "bench").resolve()


def schema_mark() -> str:
    """A short name for all migrations there are: data sets of another schema are not ours to use."""
    migrations = sorted((CHECKOUT / "migrations").glob("**/*.py"))
    return sha256(b"".join(each.name.encode() + each.read_bytes() for each in migrations)).hexdigest()[:8]


def programs_of_postgres() -> Path:
    """The folder with pgbench and its like, of the very server that runs."""
    return postgres_programs(Runner(None, None))


def _words(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))

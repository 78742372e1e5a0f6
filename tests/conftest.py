"""One real PostgreSQL and one real Valkey for all tests. Every story lives in tenants of its own, so none sees another."""

import gc
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as examples
from sqlalchemy import delete, select

from tandem.embedded import start_postgres, start_valkey
from tandem.embedded.roles import OWNER, ROLES, DatabaseUrls, prepare_database, with_database
from tandem.embedded.schema import upgrade
from tandem.kernel import clock, jobs
from tandem.kernel.database import db, session
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction

WEBHOOK_SECRET = "whsec_" + "t" * 32

# As served (decision 0045): rows and drafts are no cycles, and pytest itself holds a million objects to look through.
gc.set_threshold(50_000)

# Nothing is timed in a test: how long an example takes, or its making, says how busy the machine is. The examples of a
# story share its fixtures, for these are a database and actors whose books only grow.
UNASKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
examples.register_profile("untimed", deadline=None, suppress_health_check=UNASKED)
examples.load_profile("untimed")

# A run starts some eighty processes of ours. Where nobody may keep compiled code (as images say for their own good),
# each would compile the whole application anew, two seconds of CPU: the suite may, and so may all it starts.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


# Files that take longest, whatever the number of their tests: begun last, one half would wait for the other.
LONG = (
    "tests/architecture/test_api_document.py",
    "tests/platform/embedded/test_up.py",
    "tests/platform/billing/payments/test_permutations.py",
    "tests/architecture/test_routes.py",
    "tests/journeys/",
    "tests/platform/billing/payments/test_reading.py",
    "tests/platform/web/test_browser.py",
    "tests/platform/billing/settlements/test_employer_statements.py",
    "tests/platform/billing/reconciliation/test_reconciliation.py",
    "tests/platform/billing/reconciliation/test_passes.py",
    "tests/platform/kernel/test_workers.py",
    "tests/platform/billing/payments/",
    "tests/architecture/",
    "tests/benchmarks/",
    "tests/deploy/",
    "tests/platform/embedded/",
    "tests/platform/billing/reconciliation/",
    "tests/platform/billing/settlements/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then the others in the order of this run's seed (`--no-loadscope-reorder` keeps it)."""
    items.sort(key=lambda item: next((n for n, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG)))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this run keep their data."""
    given = os.environ.get("TANDEM_TEST_HOME")
    return Path(given) if given else tmp_path_factory.mktemp("tandem")


@pytest.fixture(scope="session")
def admin_url(home: Path) -> Iterator[str]:
    """A superuser's URL of the tests' own PostgreSQL."""
    server = start_postgres(
        home,
        password="tests",
        durable=False,
        settings={
            "max_connections": "250",
            # What is written is read by no second server and outlives no crash: nobody need keep it in order meanwhile.
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "30min",
        },
        outlives_us="TANDEM_TEST_HOME" in os.environ,
    )
    yield server.admin_url
    if "TANDEM_TEST_HOME" not in os.environ:
        server.stop()


@pytest.fixture(scope="session")
def redis_url(home: Path) -> Iterator[str]:
    """The tests' own Valkey."""
    server = start_valkey(home, password="tests", outlives_us="TANDEM_TEST_HOME" in os.environ)
    yield server.url
    if "TANDEM_TEST_HOME" not in os.environ:
        server.stop()


@pytest.fixture(scope="session")
def new_database(admin_url: str) -> Callable[[str], DatabaseUrls]:
    """Makes a migrated database of this run, and says how each of the three roles gets in.

    Migrating costs two seconds of CPU, copying what was migrated once a tenth of one.
    """
    passwords = dict.fromkeys(ROLES, "tests")
    migrated = f"migrated_{os.getpid()}"
    upgrade(prepare_database(with_database(admin_url, migrated), passwords).owner)

    def make(name: str) -> DatabaseUrls:
        own = f"{name}_{os.getpid()}"
        with closing(psycopg.connect(admin_url, autocommit=True)) as admin:
            admin.execute(f'CREATE DATABASE "{own}" OWNER {OWNER} TEMPLATE "{migrated}"')
        return prepare_database(with_database(admin_url, own), passwords)

    return make


@pytest.fixture(scope="session")
def database_urls(new_database: Callable[[str], DatabaseUrls]) -> DatabaseUrls:
    """A migrated database of this run, and how each of the three roles gets in."""
    return new_database("tests")


@pytest.fixture(scope="session")
def settings(home: Path, database_urls: DatabaseUrls, redis_url: str) -> Settings:
    """Settings as `tandem up` would make them, with test keys."""
    return Settings(
        home=home,
        base_url="http://127.0.0.1:8000",
        app_database_url=database_urls.app,
        operator_database_url=database_urls.operator,
        owner_database_url=database_urls.owner,
        redis_url=redis_url,
        secret_key="tests",
        field_key=bytes(range(32)),
        audit_key=bytes(range(32, 64)),
        stripe_secret_key="sk_test_" + "0" * 24,
        stripe_webhook_secrets=(WEBHOOK_SECRET,),
        stripe_base_url="http://127.0.0.1:1",
    )


@pytest.fixture(scope="session")
def process_environment(settings: Settings) -> dict[str, str]:
    """What a worker or another process of this run needs in its environment."""
    return {
        "TANDEM_HOME": str(settings.home),
        "TANDEM_BASE_URL": settings.base_url,
        "TANDEM_APP_DATABASE_URL": settings.app_database_url,
        "TANDEM_OPERATOR_DATABASE_URL": settings.operator_database_url,
        "TANDEM_OWNER_DATABASE_URL": settings.owner_database_url or "",
        "REDIS_URL": settings.redis_url,
        "TANDEM_SECRET_KEY": settings.secret_key,
        "TANDEM_FIELD_KEY": b64encode(settings.field_key).decode(),
        "TANDEM_AUDIT_KEY": b64encode(settings.audit_key).decode(),
        "STRIPE_SECRET_KEY": settings.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application: three houses, one roof."""
    import b2b.wiring
    import tandem.wiring
    import tenants.wiring
    from tandem.app import create_app

    made = create_app(settings, [tandem.wiring, tenants.wiring, b2b.wiring])
    gc.collect()
    gc.freeze()
    yield made
    with made.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture(autouse=True)
def in_app(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give tests that use the application its context; leave pure ones alone."""
    if "app" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("app").app_context():
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller over HTTP, without a credential."""
    return app.test_client()


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Move the test's clock: `at(moment)` freezes it there until the test ends."""
    held: list[object] = []

    def move(moment: datetime) -> None:
        frozen = clock.frozen(moment)
        frozen.__enter__()
        held.append(frozen)

    yield move
    for frozen in reversed(held):
        frozen.__exit__(None, None, None)  # type: ignore[attr-defined]  # a context manager, held by hand


@pytest.fixture
def work(app: Flask) -> Callable[..., int]:
    """Do all due jobs of these tenants (or of all that have any) until none is left; returns how many were done."""

    # The operator is one in all stories: what an earlier one left it to do (the closing of a day, over all of the
    # tests' hospitals) takes minutes and is none of this one's business.
    with acting_for(OPERATOR_ID), transaction():
        left = delete(jobs.JobRow).where(jobs.JobRow.tenant_id == OPERATOR_ID, jobs.JobRow.state == "queued")
        session.execute(left)

    def until_quiet(*tenants: UUID) -> int:
        lanes = list(product(tenants or _tenants_with_work(), ("fast", "slow")))
        done = empty = 0
        for lane in islice(cycle(lanes), 50 * len(lanes)):
            worked = sum(1 for _ in iter(partial(jobs.run_next, *lane), False))
            done += worked
            # Job makes job: a lane is known to be empty until something is done in another.
            empty = 1 if worked else empty + 1
            if empty == len(lanes):
                # Nobody was named: whoever has been given work meanwhile is due as well.
                return done + (until_quiet() if done and not tenants else 0)
        assert not lanes, "jobs keep making jobs"
        return done

    return until_quiet


def _tenants_with_work() -> list[UUID]:
    row = jobs.JobRow.__table__.c
    due = select(row.tenant_id).where(row.state == "queued", row.run_at <= clock.now()).distinct()
    with across_tenants(reason="tests look for work"):
        return list(session.scalars(due))

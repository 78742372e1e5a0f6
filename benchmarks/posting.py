"""Posting balanced four-leg journals in batches, fsync on: spread over many accounts, and with one hot account in all.

`run_posting` drives anything that can post: our ledger here, its competitors elsewhere. Each batch is one transaction.
CPU is that of the caller and of the database process that serves it, so "one core's worth" can be told from wall time.
"""

import gc
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from flask import Flask
from sqlalchemy import text

import b2b.wiring
import tandem.wiring
import tenants.wiring
from tandem.app import create_app
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.embedded import start_postgres
from tandem.embedded.roles import ROLES, prepare_database, with_database
from tandem.embedded.schema import upgrade
from tandem.kernel.database import db, session
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import acting_for, transaction

BATCH: Final = 5_000
BASE: Final = 10_000
SIZES: Final = (1, 10, 100)
PARTIES: Final = 250
CODES: Final = ("ar.hospital", "ap.hospital", "ar.enterprise", "prepaid.programme")
HOT: Final = "inc.platform"
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Posting(NamedTuple):
    """A journal that anybody's ledger can book: accounts by number (0 is the hot one), amounts that sum to zero."""

    key: str
    effective_at: datetime
    legs: Sequence[tuple[int, int]]


class Poster(Protocol):
    """A ledger under test."""

    def post(self, postings: Sequence[Posting]) -> None:
        """Book these in one transaction, durably."""

    def database_pid(self) -> int | None:
        """The process that serves us, whose CPU time is ours too; None where there is none."""


@dataclass(frozen=True)
class Rate:
    """What posting `journals` took."""

    journals: int
    wall_seconds: float
    cpu_seconds: float
    caller_cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.journals / self.wall_seconds

    @property
    def per_core_second(self) -> float:
        return self.journals / self.cpu_seconds


def postings(journals: int, *, hot: bool, seed: int = 7, parties: int = PARTIES) -> Iterator[Posting]:
    """Journals of four legs on four accounts, the same for the same seed."""
    dice = random.Random(seed)
    run = dice.getrandbits(48)
    for n in range(journals):
        given, taken = dice.randrange(1, 100_000), dice.randrange(1, 100_000)
        some = dice.sample(range(1, parties * len(CODES) + 1), 4)
        if hot:
            some[0] = 0
        legs = [(some[0], given), (some[1], taken), (some[2], -given), (some[3], -taken)]
        yield Posting(f"{run:x}:{n}", START + timedelta(seconds=n), legs)


def run_posting(poster: Poster, work: Sequence[Posting], *, batch: int = BATCH) -> Rate:
    """Post `work` batch by batch and say what it took."""
    pid = poster.database_pid()
    # The work itself is the harness's, not the ledger's: nobody's garbage collector shall walk it.
    gc.collect()
    gc.freeze()
    before, ours, began = _cpu_of(pid), time.process_time(), time.perf_counter()
    for first in range(0, len(work), batch):
        poster.post(work[first : first + batch])
    wall, caller = time.perf_counter() - began, time.process_time() - ours
    gc.unfreeze()
    return Rate(len(work), wall, caller + _cpu_of(pid) - before, caller)


class OurLedger:
    """The platform's own `post`, in the scope of one organisation."""

    def __init__(self, tenant: UUID) -> None:
        self.tenant = tenant
        parties = [derived_id("benchmark", n) for n in range(PARTIES)]
        self.accounts = [(HOT, None), *((code, party) for code in CODES for party in parties)]

    def post(self, postings: Sequence[Posting]) -> None:
        accounts = self.accounts
        with acting_for(self.tenant, statement_timeout_ms=120_000), transaction():
            post([
                JournalDraft(
                    kind="benchmark",
                    key=key,
                    effective_at=effective_at,
                    lines=[Line(accounts[place][0], amount, accounts[place][1]) for place, amount in legs],
                    source_type="benchmark",
                    source_id=key,
                )
                for key, effective_at, legs in postings
            ])  # fmt: skip

    def database_pid(self) -> int | None:
        with acting_for(self.tenant):
            return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


@contextmanager
def ledger_database(home: Path) -> Iterator[Flask]:
    """A durable PostgreSQL of this run, migrated, and the application on it."""
    server = start_postgres(home, password="benchmarks", settings={"shared_buffers": "256MB", "max_wal_size": "4GB"})
    try:
        urls = prepare_database(with_database(server.admin_url, "posting"), dict.fromkeys(ROLES, "benchmarks"))
        upgrade(urls.owner)
        app = create_app(_settings(home, urls.app, urls.operator), [tandem.wiring, tenants.wiring, b2b.wiring])
        with app.app_context():
            yield app
            for engine in db.engines.values():
                engine.dispose()
    finally:
        server.stop()


def measure(home: Path, *, runs: int, sizes: Sequence[int] = SIZES) -> None:
    """Print the rates of every size, spread and hot, and how much the hot account costs."""
    with ledger_database(home):
        for size in sizes:
            rates: dict[bool, list[Rate]] = {False: [], True: []}
            for run in range(runs):
                for hot in (False, True):
                    work = list(postings(BASE * size, hot=hot, seed=run))
                    rates[hot].append(run_posting(OurLedger(new_id()), work))
            _print(size, rates)


def _print(size: int, rates: dict[bool, list[Rate]]) -> None:
    for hot, name in ((False, "spread"), (True, "hot")):
        told = ", ".join(
            f"{rate.per_second:,.0f}/s ({rate.per_core_second:,.0f} per core second,"
            f" {rate.caller_cpu_seconds / rate.cpu_seconds:.0%} of it ours)"
            for rate in rates[hot]
        )
        print(f"posting {BASE * size:,} journals, {name}: {told}", flush=True)
    shares = [hot.per_second / spread.per_second for spread, hot in zip(rates[False], rates[True], strict=True)]
    print(f"  hot against spread: {statistics.median(shares):.0%} ({', '.join(f'{each:.0%}' for each in shares)})")


def _settings(home: Path, app_url: str, operator_url: str) -> Settings:
    return Settings(
        home=home,
        base_url="http://127.0.0.1:1",
        app_database_url=app_url,
        operator_database_url=operator_url,
        owner_database_url=None,
        redis_url="redis://127.0.0.1:1",
        secret_key="benchmarks",
        field_key=bytes(range(32)),
        audit_key=bytes(range(32, 64)),
        stripe_secret_key="sk_test_" + "0" * 24,
        stripe_webhook_secrets=("whsec_" + "b" * 32,),
        stripe_base_url="http://127.0.0.1:1",
    )


def _cpu_of(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS

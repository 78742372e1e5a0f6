"""Whole books: proved, exported for others to prove, and 200 hospitals' books for statements."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from flask import current_app
from sqlalchemy import select, text

from benchmarks.stopwatch import Task
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.billing.ledger.export import FORMATS
from tandem.billing.ledger.verification import verify_books
from tandem.billing.settlements import document_of, propose_statement
from tandem.billing.settlements.models import SettlementStatement
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction

LONG_MS: Final = 600_000
BEGAN: Final = datetime(2026, 8, 1, 1, tzinfo=UTC)
LAST_DAY: Final = date(2026, 8, 31)
BATCH: Final = 2_500
ENTRIES_OF_A_VISIT: Final = 8


def verify(task: Task) -> None:
    """Prove the operator's book whole, zero-sum, chain, balances, gapless, with a window for each core."""
    with task.timed(), acting_for(OPERATOR_ID, statement_timeout_ms=LONG_MS):
        verdicts = verify_books(workers=os.cpu_count() or 1)
    if not all(verdict.is_sound for verdict in verdicts):
        raise RuntimeError(str([verdict.faults for verdict in verdicts]))
    journals = sum(verdict.journals for verdict in verdicts)
    if journals != task.count:
        raise RuntimeError(f"{journals} journals in the book, not {task.count}")
    task.tell(journals, workers=os.cpu_count())


def export(task: Task) -> None:
    """Write the operator's book as others read it: `file` with the ending of each format."""
    with acting_for(OPERATOR_ID, statement_timeout_ms=LONG_MS):
        for name in ("beancount", "hledger"):
            with Path(f"{task.facts['file']}.{name}").open("w") as page:
                page.writelines(FORMATS[name]("CNY"))
    task.tell()


def make_hospitals(task: Task) -> None:
    """`count` entries over `hospitals`: one hospital's visits posted through the ledger, the others copied from it.

    A book names no tenant, so a copy is as valid as the first: its chain holds.
    """
    hospitals = int(task.facts["hospitals"])
    first = _hospital(0)
    visits = task.count // hospitals // ENTRIES_OF_A_VISIT
    drafts = _visits(visits)
    for _ in range(0, visits * 4, BATCH):
        batch = [draft for _, draft in zip(range(BATCH), drafts, strict=False)]
        with acting_for(first, statement_timeout_ms=LONG_MS), transaction():
            post(batch)
    with psycopg.connect(task.url) as admin:
        # Copies of proved rows: the statement triggers would prove ten million of them again.
        admin.execute("SET session_replication_role = replica")
        for table in ("book", "account", "account_balance", "journal", "entry"):
            _copy(admin, table, first, [_hospital(number) for number in range(1, hospitals)])
    task.tell()


def statements(task: Task) -> None:
    """Propose August to every hospital, each in its own transaction; then run every document again, untimed.

    Ten million entries are not copied for a run: what the last one proposed is taken away first.
    """
    with psycopg.connect(task.url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("TRUNCATE settlement_statement, job CASCADE")
    hospitals = [_hospital(number) for number in range(int(task.facts["hospitals"]))]
    entries = 0
    workers = os.cpu_count() or 1
    with task.timed(), ThreadPoolExecutor(workers) as pool:
        # A job per hospital, as many at once as there are cores: so the workers do it, in processes.
        for done in [pool.submit(copy_context().run, _propose, hospital) for hospital in hospitals]:
            done.result()
    first = sha256()
    for hospital in hospitals:
        with acting_for(hospital, statement_timeout_ms=LONG_MS):
            row = session.scalars(select(SettlementStatement).where(SettlementStatement.tenant_id == hospital)).one()
            document, digest = document_of(row)
            entries += session.scalar(_COUNTED, {"tenant": hospital}) or 0
            if digest != row.document_sha256:
                raise RuntimeError(f"the statement of {hospital} changed when it was run again")
            first.update(document)
    task.tell(entries, hospitals=len(hospitals), workers=workers, documents_sha256=first.hexdigest())


def _propose(hospital: UUID) -> None:
    with current_app.app_context(), acting_for(hospital, statement_timeout_ms=LONG_MS), transaction():
        propose_statement(LAST_DAY)


def _visits(visits: int) -> Iterator[JournalDraft]:
    """Paid, delivered, charged a fee, charged by the provider: four journals of two legs each."""
    for number in range(visits):
        price = 3_000 + number % 7 * 700
        fee, kept = price // 8, price * 6 // 1_000 + 1
        at = BEGAN + timedelta(seconds=number * 86_400 * 30 // max(visits, 1))
        for kind, debit, credit, amount in (
            ("payment", "cash.psp", "ar.patient", price),
            ("medical_revenue", "ar.patient", "rev.medical", price),
            ("operator_fee", "exp.operator_fee", "ap.operator", fee),
            ("psp_fee", "exp.psp_fee", "cash.psp", kept),
        ):
            yield JournalDraft(
                kind=kind,
                key=f"benchmark-{number}",
                effective_at=at,
                lines=[Line(debit, amount), Line(credit, -amount)],
                source_type="benchmark",
                source_id=str(number),
            )


def _copy(admin: psycopg.Connection, table: str, first: UUID, others: list[UUID]) -> None:
    found = admin.execute(
        "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = %s"
        " AND table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    names = [row[0] for row in found]
    values = ["other" if name == "tenant_id" else f"t.{name}" for name in names]
    admin.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} t"
        " CROSS JOIN unnest(%s::uuid[]) AS u(other) WHERE t.tenant_id = %s",
        [others, first],
    )


def _hospital(number: int) -> UUID:
    return derived_id("benchmark", "hospital", str(number))


_COUNTED: Final = text("SELECT count(*) FROM entry WHERE tenant_id = :tenant")

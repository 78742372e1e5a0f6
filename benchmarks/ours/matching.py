"""Payments against the ledger: pass R1's first run over everything, results stored, and a second run after changes."""

from typing import Final

import psycopg

from benchmarks.stopwatch import Task
from tandem.billing.ledger import Line, post
from tandem.billing.ledger.drafts import JournalDraft
from tandem.billing.reconciliation.matching import Look, Outcome, run_comparison
from tandem.billing.reconciliation.passes import provider
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import clock
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import acting_for, transaction

HOSPITAL: Final = derived_id("benchmark", "hospital", "0")
LONG_MS: Final = 600_000


def make_payments(task: Task) -> None:
    """`count` captured payments and `count` journals of theirs, in orders of their own; one in a thousand differs."""
    with acting_for(HOSPITAL), transaction():
        # The book and its accounts are the ledger's to open.
        lines = [Line("cash.psp", 1), Line("ar.patient", -1)]
        post([JournalDraft("opening", "opening", clock.now(), lines, "benchmark", "opening")])
    with psycopg.connect(task.url) as admin:
        # A million rows as a history has them: the triggers proved each batch when it was written.
        admin.execute("SET session_replication_role = replica")
        admin.execute("SELECT setseed(0.5)")
        for statement in (_FACTS, _PAYMENTS, _JOURNALS, _ENTRIES, _BOOK):
            admin.execute(statement, {"tenant": HOSPITAL, "count": task.count})
    task.tell()


def match(task: Task) -> None:
    """Run R1 over everything; then change one in a thousand and run it again."""
    planted = len(range(499, task.count, 1000))
    with task.timed():
        first = _run()
    _expect(first, checked=task.count, found=planted)
    with psycopg.connect(task.url, autocommit=True) as admin:
        changed = admin.execute(_CHANGE, {"tenant": HOSPITAL}).rowcount
        admin.execute("ANALYZE recon_item")
        admin.execute("CHECKPOINT")
    again = Task(task.count, task.url, task.postgres_pid)
    with again.timed():
        second = _run()
    _expect(second, checked=None, found=planted + changed)
    share = again.seconds / task.seconds
    told = {"second_seconds": again.seconds, "second_share": share, "changed": changed, "open": second.open_count}
    task.tell(first.checked_count, **told)


def _run() -> Outcome:
    with acting_for(HOSPITAL, statement_timeout_ms=LONG_MS), transaction():
        return run_comparison(provider.BOOKED, Look(values=provider.tariffs() | {"asked_until": None}), Rules())


def _expect(outcome: Outcome, *, checked: int | None, found: int) -> None:
    if outcome.open_count != found or outcome.is_parked or (checked is not None and outcome.checked_count != checked):
        raise RuntimeError(f"{found} differences were planted: {outcome}")


# One number in a thousand differs, in one of three ways: 0 has no payment, 1 is not booked, 2 is of another amount.
_FACTS: Final = (
    "CREATE TEMP TABLE facts AS SELECT n, 'ch_' || lpad(n::text, 24, '0') AS key, 100 + mod(n * 7919, 999900) AS amount"
    ", CASE WHEN mod(n, 1000) = 499 THEN mod(n / 1000, 3) END AS fault"
    " FROM generate_series(0::bigint, %(count)s - 1) AS s(n)"
)
_PAYMENTS: Final = (
    "INSERT INTO payment (tenant_id, id, order_type, order_id, method, amount_minor, currency, status, claims_order,"
    " provider_intent_id, provider_charge_id, refund_reserved_minor, refunded_minor, created_at, succeeded_at,"
    " captured_at) SELECT %(tenant)s, uuidv7(), 'appointment', uuidv7(), 'card', amount, 'CNY', 'succeeded', true,"
    " 'pi_' || n, key, 0, 0, now(), now(), now() FROM facts WHERE fault IS DISTINCT FROM 0 ORDER BY random()"
)
# The first place is taken by the journal that opened the book.
_JOURNALS: Final = (
    "INSERT INTO journal (tenant_id, id, book_id, seq, kind, idem_scope, idem_key, body_sha256, effective_at, booked_at"
    ", source_type, source_id, rule_version, prev_hash, hash) SELECT b.tenant_id, uuidv7(), b.id,"
    " 1 + row_number() OVER (), 'payment_captured', 'payment_captured', 'charge:' || f.key || ':captured',"
    " sha256(f.key::bytea), now(), now(), 'benchmark', f.n::text, '2026.1', sha256('before'), sha256('after')"
    " FROM (SELECT n, key FROM facts WHERE fault IS DISTINCT FROM 1 ORDER BY random()) f CROSS JOIN book b"
    " WHERE b.tenant_id = %(tenant)s"
)
_ENTRIES: Final = (
    "INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund)"
    " SELECT j.tenant_id, j.book_id, j.seq, CASE a.code WHEN 'cash.psp' THEN 1 ELSE 2 END, a.id,"
    " CASE a.code WHEN 'cash.psp' THEN 1 ELSE -1 END * (f.amount + CASE WHEN f.fault = 2 THEN 1 ELSE 0 END), 'CNY',"
    " a.fund FROM journal j JOIN facts f ON f.n = j.source_id::bigint JOIN account a ON a.tenant_id = j.tenant_id"
    " AND a.code IN ('cash.psp', 'ar.patient') WHERE j.tenant_id = %(tenant)s AND j.kind = 'payment_captured'"
    " ORDER BY j.seq"
)
_BOOK: Final = "UPDATE book SET next_seq = 1 + (SELECT max(seq) FROM journal WHERE tenant_id = %(tenant)s)"
_CHANGE: Final = (
    "UPDATE payment SET amount_minor = amount_minor + 1 WHERE tenant_id = %(tenant)s"
    " AND mod(substr(provider_intent_id, 4)::bigint, 1000) = 7"
)

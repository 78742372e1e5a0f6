"""A day's reconciliation of one tenant, what people say about its findings, and the closing of days."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from tandem.billing.ledger import Mirrored
from tandem.billing.reconciliation import party_passes, provider_passes, queries
from tandem.billing.reconciliation.errors import DayNotOver, OwnFinding
from tandem.billing.reconciliation.findings import DEADLINES, Finding
from tandem.billing.reconciliation.models import NEXT, DayClose, Discrepancy, ReconciliationRun
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import OPERATOR_ID, tenant_id

STANDING: Final = ("balance:", "statement:")
"""Keys of findings about a state and not about a day: every run of the latest day looks at them anew."""


@dataclass(frozen=True)
class OtherBooks:
    """What was read in other tenants before the run.

    Payments delivered here that no programme has consumed, payments consumed there at this hospital, and what the
    mirrors of this book's journals say.
    """

    unconsumed: Collection[UUID] = ()
    consumed_here: Collection[UUID] = ()
    mirrored: Sequence[Mirrored] = ()
    mirrors: Mapping[UUID, int] = field(default_factory=dict)


def run_reconciliation(
    day: date, others: OtherBooks, *, day_close_id: UUID | None = None, statement_id: UUID | None = None
) -> ReconciliationRun:
    """Compare one day of the scope's tenant with everybody else, and keep what differs. [hospital, employer]

    Run again it finds the same faults under the same keys; those it no longer finds are resolved.
    """
    since, until = clock.day_bounds(day)
    run = _run_of(day)
    later_runs = session.scalar(
        select(func.count()).where(ReconciliationRun.tenant_id == tenant_id(), ReconciliationRun.day > day)
    )
    known = dict(queries.discrepancies_of_day(day))
    checked, found = provider_passes.facts_and_provider(since, until)
    for compare in (provider_passes.movements_and_book, party_passes.use_and_fees, party_passes.invoices_and_book):
        compared, differing = compare(since, until)
        checked, found = checked + compared, [*found, *differing]
    found += party_passes.book_and_mirror(others.mirrored, others.mirrors)
    found += party_passes.use_and_benefits(others.unconsumed, others.consumed_here)
    if not later_runs:
        found += provider_passes.balance_at_provider(until, _untold(known, found, day))
        found += party_passes.statement_and_book()
    found = list({(each.reconciliation_pass, each.key): each for each in found}.values())
    # A fault can be seen from another day than the one that saw it first: the key names it, not the day.
    known |= queries.discrepancies_by_key({each.key for each in found})
    for finding in found:
        _see(finding, day, known.pop((finding.reconciliation_pass, finding.key), None))
    for row in known.values():
        is_standing = row.natural_key.startswith(STANDING)
        if row.status != "resolved" and (not later_runs if is_standing else row.day == day):
            _resolve(row, because="a later run no longer finds it")
    run.run_count += 1
    run.checked_count, run.found_count = checked + len(others.mirrored), len(found)
    run.day_close_id, run.statement_id = day_close_id or run.day_close_id, statement_id or run.statement_id
    run.finished_at = clock.now()
    return run


def explain(discrepancy_id: UUID, *, cause: str) -> Discrepancy:
    """Say what a difference comes from. Raises TransitionRefused, NotFound."""
    row = queries.discrepancy(discrepancy_id)
    move(row, "explained", NEXT, because=cause)
    row.cause = cause
    return row


def resolve(discrepancy_id: UUID, *, cause: str, party: str) -> Discrepancy:
    """Settle a difference by hand. Raises OwnFinding when it is the owner itself, TransitionRefused, NotFound."""
    row = queries.discrepancy(discrepancy_id)
    if row.owner == party:
        raise OwnFinding(owner=row.owner)
    row.cause = cause
    _resolve(row, because=cause)
    return row


def request_day_close(day: date) -> DayClose:
    """Ask for a day to be closed; a job fans it out. [operator] Raises DayNotOver."""
    require_day_over(day)
    row = DayClose(tenant_id=OPERATOR_ID, id=new_id(), day=day, requested_at=clock.now())
    session.add(row)
    audit.record(action="day.closed", object_type="day_close", object_id=row.id, details={"day": day.isoformat()})
    return row


def require_day_over(day: date) -> None:
    """Raises DayNotOver while the day, in the business zone, can still change."""
    _, until = clock.day_bounds(day)
    if until > clock.now():
        raise DayNotOver(day=day.isoformat())


def _run_of(day: date) -> ReconciliationRun:
    run = queries.run_of_day(day)
    if run is None:
        run = ReconciliationRun(
            tenant_id=tenant_id(), day=day, run_count=0, checked_count=0, found_count=0, finished_at=clock.now()
        )
        session.add(run)
        session.flush()
    return run


def _untold(known: Mapping[tuple[str, str], Discrepancy], found: Sequence[Finding], day: date) -> dict[str, int]:
    """Per currency, what movements the provider has not told add up to: those of this day, and older ones."""
    untold: dict[str, int] = {}
    for finding in found:
        if finding.kind == "movement_missing":
            untold[finding.currency] = untold.get(finding.currency, 0) + finding.expected_minor
    for row in known.values():
        if row.kind == "movement_missing" and row.day != day and row.status != "resolved":
            untold[row.currency] = untold.get(row.currency, 0) + row.expected_minor
    return untold


def _see(finding: Finding, day: date, row: Discrepancy | None) -> None:
    now: datetime = clock.now()
    if row is None:
        row = Discrepancy(
            tenant_id=tenant_id(),
            id=new_id(),
            reconciliation_pass=finding.reconciliation_pass,
            natural_key=finding.key,
            kind=finding.kind,
            owner=finding.owner,
            day=day,
            status="open",
            currency=finding.currency,
            first_seen_at=now,
            seen_count=0,
            deadline_at=now + DEADLINES[finding.owner],
        )
        session.add(row)
        audit.record(action="discrepancy.open", object_type="discrepancy", object_id=row.id)
    elif row.status == "resolved":
        move(row, "open", NEXT, because="seen again")
        row.resolved_at = None
    row.kind, row.owner, row.evidence = finding.kind, finding.owner, finding.evidence
    row.expected_minor, row.actual_minor = finding.expected_minor, finding.actual_minor
    row.amount_at_risk_minor = finding.amount_at_risk_minor
    row.last_seen_at, row.seen_count = now, row.seen_count + 1
    if finding.key.startswith(STANDING):
        row.day = day
    if finding.cause is not None and row.status == "open":
        move(row, "explained", NEXT, because=finding.cause)
    row.cause = finding.cause or row.cause
    if finding.cause is None and row.status == "explained" and finding.key.startswith(STANDING):
        move(row, "open", NEXT, because="the explanation no longer covers it")
        row.cause = None


def _resolve(row: Discrepancy, *, because: str) -> None:
    move(row, "resolved", NEXT, because=because)
    row.resolved_at = clock.now()

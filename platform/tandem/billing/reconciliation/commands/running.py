"""Running the comparisons of one tenant, and closing days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from tandem.billing.payments import read_until
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.errors import DayNotOver
from tandem.billing.reconciliation.matching import (
    Comparison,
    Look,
    Mode,
    Outcome,
    advance,
    position_of,
    run_comparison,
    run_told,
)
from tandem.billing.reconciliation.models import DayClose, ReconciliationRun
from tandem.billing.reconciliation.passes import (
    bank,
    books,
    ceilings,
    documents,
    fapiao,
    metering,
    provider,
    splits,
    use,
)
from tandem.billing.reconciliation.passes.told import Told
from tandem.billing.reconciliation.rules import Rules, rules_in_force
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, tenant_id

COMPARISONS: Final[Sequence[Comparison]] = (
    provider.BOOKED,
    provider.MOVED,
    provider.CARRIED,
    provider.FEES,
    provider.LISTED_FEES,
    bank.COMPOSED,
    bank.PAID_OUT,
    bank.ARRIVED,
    use.ACCRUED,
    use.PAID,
    use.METERED,
    use.FEES_BY_DAY,
    metering.CLAIMED,
    metering.BILLED,
    books.CLEARED,
    splits.SPLIT,
    splits.REVERSED,
    ceilings.CEILINGS,
    documents.DOCUMENTS,
    fapiao.FAPIAO,
)
"""Comparisons in one statement each, in the order in which they run."""


def compare(comparison: Comparison, mode: Mode, since: datetime, until: datetime) -> Outcome:
    """Run one comparison in the scope's tenant; in mode "day" it looks at the keys of [since, until) besides."""
    rules = rules_in_force()
    limits = {"asked_until": read_until(), "billed_until": clock.today() - rules.days("sla_days.billing")}
    values = provider.tariffs() | books.clearing_terms(rules) | bank.bank_terms(rules) | fapiao.fapiao_terms(rules)
    look = Look(mode, since, until, values | limits)
    if comparison is ceilings.CEILINGS:
        return _compare_ceilings(look, rules)
    return run_comparison(comparison, look, rules)


def _compare_ceilings(look: Look, rules: Rules) -> Outcome:
    """One more circular may bind use of any day: then everything is looked at. Circulars are only ever added."""
    name, known = ceilings.CEILINGS.name, queries.count_circulars()
    # Counted before anything is read: a circular that is recorded meanwhile is the next run's.
    if known != position_of(name, ceilings.CIRCULARS):
        look = replace(look, mode="full")
    outcome = run_comparison(ceilings.CEILINGS, look, rules)
    advance(name, ceilings.CIRCULARS, known)
    return outcome


def keep(told: Told) -> Outcome:
    """Keep what a told comparison found."""
    return run_told(told.comparison, told.found, told.looked_at, rules_in_force(), checked_count=told.checked_count)


def is_latest_day(day: date) -> bool:
    """Whether no later day has been reconciled: what stands at the end of a day is only looked at for the latest."""
    later = select(func.count()).where(ReconciliationRun.tenant_id == tenant_id(), ReconciliationRun.day > day)
    return not session.scalar(later)


def note_run(
    day: date, outcomes: Sequence[Outcome], *, day_close_id: UUID | None = None, statement_id: UUID | None = None
) -> ReconciliationRun:
    """Note that a day has been reconciled, and what it came to."""
    run = queries.run_of_day(day)
    if run is None:
        run = ReconciliationRun(tenant_id=tenant_id(), day=day, run_count=0)
        session.add(run)
    run.run_count += 1
    run.checked_count = sum(each.checked_count for each in outcomes)
    run.found_count = sum(each.open_count for each in outcomes)
    run.day_close_id, run.statement_id = day_close_id or run.day_close_id, statement_id or run.statement_id
    run.finished_at = clock.now()
    session.flush()
    return run


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

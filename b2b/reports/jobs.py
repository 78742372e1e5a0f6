"""Once a month the sums of a programme are suppressed there and written here. No other way leads out of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from b2b.contracts import contract, effective_contracts
from b2b.reports import queries
from b2b.reports.models import UtilisationReport
from b2b.reports.suppression import Told, told_next, told_people, told_units
from tandem.billing import entitlements
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import acting_for, tenant_id, transaction


@job(queue="slow", timeout_seconds=60)
def report_contracts() -> None:
    """On the first of each month: one report for each contract in force."""
    for agreed in effective_contracts():
        jobs.enqueue(report_contract, contract_id=agreed.id, key=f"{clock.today():%Y-%m}:{agreed.id}")


@job(queue="slow", timeout_seconds=60, outside=True)
def report_contract(contract_id: UUID) -> None:
    """Write last month's report of one contract, if it is not written."""
    employer = tenant_id()
    with acting_for(employer), transaction():
        programme = contract(contract_id).programme_id
        active, used = queries.active_told_last(contract_id), queries.used_told_last(contract_id)
    with acting_for(programme), transaction():
        told = _told(active, used)
    if told is None:
        return
    row = told | {
        "tenant_id": employer,
        "id": new_id(),
        "contract_id": contract_id,
        "month_on": clock.today().replace(day=1) - timedelta(days=1),
        "created_at": clock.now(),
    }
    with acting_for(employer), transaction():
        session.execute(insert(UtilisationReport.__table__).values(row).on_conflict_do_nothing())


def _told(active_before: Told, used_before: Told) -> dict[str, Any] | None:
    """What may be told of the scope's programme: all else stays in it."""
    totals, now = entitlements.programme_totals(), clock.now()
    if totals is None:
        return None
    since_active, since_used = _activity_since(active_before), _activity_since(used_before)
    people = told_people(totals.members_active, totals.members)
    units = told_units(totals.units_consumed, entitlements.members_with_use(), totals.members)
    active = told_next(active_before, people, now, changed_by=since_active.accepted, moved=since_active.moved)
    used = told_next(used_before, units, now, changed_by=since_used.used, moved=since_used.moved)
    return {
        "members": totals.members,
        "units_granted": totals.units_granted,
        "members_active": active.number,
        "active_counted_at": active.counted_at,
        "units_used": used.number,
        "used_counted_at": used.counted_at,
    }


def _activity_since(told: Told) -> entitlements.Activity:
    return entitlements.Activity(0, 0, 0) if told.counted_at is None else entitlements.activity_since(told.counted_at)

"""Once a month the sums of a programme are suppressed there and written here. No other way leads out of it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from b2b.contracts import contract, effective_contracts
from b2b.reports.models import UtilisationReport
from b2b.reports.suppression import told_people, told_units
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
    with acting_for(programme), transaction():
        totals = entitlements.programme_totals()
        used_by = entitlements.members_with_use()
    if totals is None:
        return
    row = {
        "tenant_id": employer,
        "id": new_id(),
        "contract_id": contract_id,
        "month_on": clock.today().replace(day=1) - timedelta(days=1),
        "members": totals.members,
        "units_granted": totals.units_granted,
        "members_active": told_people(totals.members_active, totals.members),
        "units_used": told_units(totals.units_consumed, used_by, totals.members),
        "created_at": clock.now(),
    }
    with acting_for(employer), transaction():
        session.execute(insert(UtilisationReport.__table__).values(row).on_conflict_do_nothing())

"""From HR's roster to the members' units: two tenants, two transactions, keyed so that a repeat grants nothing."""

from typing import Final
from uuid import UUID

from b2b.contracts import Contract, contract, effective_contracts
from b2b.rosters import queries
from b2b.rosters.events import MembersGranted
from tandem.billing import entitlements
from tandem.kernel import clock, jobs, outbox
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import acting_for, tenant_id, transaction

BATCH: Final = 500


@job(queue="slow", timeout_seconds=60)
def spread_roster_change(change_id: UUID) -> None:
    """A roster changed: bring every contract in force up to it."""
    for agreed in effective_contracts(on=clock.today()):
        jobs.enqueue(grant_members, contract_id=agreed.id, key=f"{change_id}:{agreed.id}")


@job(queue="slow", timeout_seconds=60)
def keep_members_current() -> None:
    """Each night: whoever's first day has come is granted, whoever's day to leave has come is not any more."""
    today = clock.today()
    for agreed in effective_contracts(on=today):
        jobs.enqueue(grant_members, contract_id=agreed.id, key=f"{today}:{agreed.id}")


@job(queue="slow", timeout_seconds=300, attempts=8, outside=True)
def grant_members(contract_id: UUID) -> None:
    """Owe everybody present their units, and withdraw what leavers have free."""
    employer = tenant_id()
    with acting_for(employer), transaction():
        agreed = contract(contract_id)
    if agreed.status != "effective":
        return
    after: UUID | None = None
    while batch := _present(employer, after):
        after = batch[-1][0]
        _grant(agreed, batch)
    after = None
    while leavers := _leavers(employer, after):
        after = leavers[-1]
        with acting_for(agreed.programme_id), transaction():
            entitlements.revoke(leavers)
    with acting_for(employer), transaction():
        outbox.add(MembersGranted(contract_id))


def _present(employer: UUID, after: UUID | None) -> list[tuple[UUID, bytes]]:
    with acting_for(employer), transaction():
        return [(row["id"], row["login_index"]) for row in queries.active_after(clock.today(), after, BATCH)]


def _leavers(employer: UUID, after: UUID | None) -> list[UUID]:
    with acting_for(employer), transaction():
        return list(queries.leavers_until(clock.today(), after, BATCH))


def _grant(agreed: Contract, batch: list[tuple[UUID, bytes]]) -> None:
    with acting_for(agreed.programme_id), transaction():
        entitlements.grant(
            [
                entitlements.Grant(
                    source_id=member_id,
                    login_index=login_index,
                    units=agreed.units_per_member,
                    valid_from=agreed.starts_on,
                    valid_to=agreed.ends_on,
                )
                for member_id, login_index in batch
            ]
        )

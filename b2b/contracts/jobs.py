"""What follows a contract: its programme opens, ends, and is billed."""

from uuid import UUID

from b2b.contracts import commands, queries
from b2b.contracts.events import ProgrammeOpened
from tandem.accounts import create_organization, organization_or_none, own_organization
from tandem.billing import entitlements
from tandem.kernel import outbox
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import acting_for, tenant_id, transaction


@job(queue="fast", timeout_seconds=60, attempts=8, outside=True)
def open_programme(contract_id: UUID) -> None:
    """Found the contract's programme as a tenant of its own, and admit the hospitals that serve it."""
    employer = tenant_id()
    with transaction():
        agreed = queries.contract(contract_id)
        name = f"{own_organization().name} · {agreed.package_code}"
    with acting_for(agreed.programme_id), transaction():
        if organization_or_none() is None:
            create_organization(kind="programme", name=name, source="contract")
        for hospital in agreed.hospital_ids:
            entitlements.admit_hospital(hospital)
    with acting_for(employer), transaction():
        outbox.add(ProgrammeOpened(contract_id))


@job(queue="fast", timeout_seconds=120, attempts=8, outside=True)
def close_programme(contract_id: UUID) -> None:
    """The contract is over: free units are withdrawn."""
    with transaction():
        programme = queries.contract(contract_id).programme_id
    with acting_for(programme), transaction():
        entitlements.close_programme()


@job(queue="slow", timeout_seconds=60, attempts=8, outside=True)
def bill_members(contract_id: UUID) -> None:
    """Count the programme's members there, invoice the new ones here."""
    employer = tenant_id()
    with transaction():
        programme = queries.contract(contract_id).programme_id
    with acting_for(programme), transaction():
        totals = entitlements.programme_totals()
    if totals is not None:
        with acting_for(employer), transaction():
            commands.bill_new_members(contract_id, totals.members)


@job(queue="slow", timeout_seconds=60)
def end_contracts() -> None:
    """Each night: contracts whose last day has passed."""
    commands.end_expired_contracts()

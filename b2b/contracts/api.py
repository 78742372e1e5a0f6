"""Contracts between the operator, who proposes and approves, and the employer, who signs."""

from typing import Any
from uuid import UUID

from b2b.contracts import commands, queries
from b2b.contracts.errors import DatesInvalid, NotAServingHospital, SameHand
from b2b.contracts.models import Contract
from b2b.contracts.schemas import ContractReasonSchema, ContractSchema, ContractTotalsSchema
from b2b.packages import PackageNotOnSale
from tandem.accounts import organization_or_none
from tandem.billing import entitlements
from tandem.kernel.database import Page
from tandem.kernel.http import Api
from tandem.kernel.tenancy import acting_for

desk = Api("contracts", audience="operator", url_prefix="/employers/<uuid:employer_id>/contracts")
mine = Api("contracts", audience="employer", url_prefix="/contracts")


@desk.get("", allow="contracts.read", gives=ContractSchema, many=True)
def list_contracts(employer_id: UUID, query: dict[str, Any]) -> Page:
    """An employer's contracts."""
    return queries.contracts(**query)


@desk.post(
    "",
    allow="contracts.write",
    takes=ContractSchema,
    gives=ContractSchema,
    problems=(PackageNotOnSale, DatesInvalid, NotAServingHospital),
)
def draft_contract(employer_id: UUID, wish: dict[str, Any]) -> Contract:
    """Draft a contract on a package, served by these hospitals."""
    strangers = [each for each in wish["hospital_ids"] if not _is_live_hospital(each)]
    if strangers:
        raise NotAServingHospital(hospital_ids=strangers)
    return commands.draft_contract(**wish)


@desk.get("/<uuid:contract_id>", allow="contracts.read", gives=ContractSchema)
def read_contract(employer_id: UUID, contract_id: UUID) -> Contract:
    """One contract."""
    return queries.contract(contract_id)


@desk.get("/<uuid:contract_id>/totals", allow="contracts.read", gives=ContractTotalsSchema)
def read_totals(employer_id: UUID, contract_id: UUID) -> dict[str, int]:
    """What the contract's programme granted and used, in sums: all that leaves it."""
    programme_id = queries.contract(contract_id).programme_id
    with acting_for(programme_id, operator=True):
        totals = entitlements.programme_totals()
        names = ("members", "members_active", "units_granted", "units_consumed")
        return {name: getattr(totals, name) if totals else 0 for name in names}


@desk.post("/<uuid:contract_id>/proposals", allow="contracts.write", gives=ContractSchema)
def propose_contract(employer_id: UUID, contract_id: UUID) -> Contract:
    """Offer it to the employer."""
    return commands.propose_contract(contract_id)


@desk.post("/<uuid:contract_id>/approvals", allow="contracts.approve", gives=ContractSchema, problems=(SameHand,))
def approve_contract(employer_id: UUID, contract_id: UUID) -> Contract:
    """A second person puts the signed contract into force."""
    return commands.approve_contract(contract_id)


@desk.post(
    "/<uuid:contract_id>/cancellations", allow="contracts.write", takes=ContractReasonSchema, gives=ContractSchema
)
def cancel_contract(employer_id: UUID, contract_id: UUID, wish: dict[str, Any]) -> Contract:
    """Drop a contract that is not in force."""
    return commands.cancel_contract(contract_id, because=wish["because"])


@desk.post(
    "/<uuid:contract_id>/terminations", allow="contracts.approve", takes=ContractReasonSchema, gives=ContractSchema
)
def terminate_contract(employer_id: UUID, contract_id: UUID, wish: dict[str, Any]) -> Contract:
    """End a contract early."""
    return commands.terminate_contract(contract_id, because=wish["because"])


@mine.get("", allow="contracts.read", gives=ContractSchema, many=True)
def my_contracts(query: dict[str, Any]) -> Page:
    """Our contracts."""
    return queries.contracts(**query)


@mine.get("/<uuid:contract_id>", allow="contracts.read", gives=ContractSchema)
def my_contract(contract_id: UUID) -> Contract:
    """One of our contracts."""
    return queries.contract(contract_id)


@mine.post("/<uuid:contract_id>/signatures", allow="contracts.sign", gives=ContractSchema)
def sign_contract(contract_id: UUID) -> Contract:
    """Agree to what was proposed."""
    return commands.sign_contract(contract_id)


def _is_live_hospital(hospital_id: UUID) -> bool:
    with acting_for(hospital_id, operator=True):
        found = organization_or_none()
    return found is not None and found.kind == "hospital" and found.status == "live"


APIS = (desk, mine)

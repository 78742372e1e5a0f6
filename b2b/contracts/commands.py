"""A contract's way to its programme: operator proposes, employer signs, a second operator approves. [employer]"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from b2b.contracts.errors import DatesInvalid, SameHand
from b2b.contracts.events import ContractEnded, ContractTookEffect
from b2b.contracts.models import NEXT, Contract
from b2b.contracts.queries import contract, effective_contracts
from b2b.employers import invoiced_as, payment_days
from b2b.packages import package_on_sale
from tandem.accounts import hand, require_active
from tandem.billing import invoices
from tandem.kernel import clock, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

BEGUN_AT_MOST: Final = timedelta(days=366)
BEGINS_WITHIN: Final = timedelta(days=2 * 366)
LASTS_AT_MOST: Final = timedelta(days=3_660)


def draft_contract(
    *, package_id: UUID, hospital_ids: Sequence[UUID], starts_on: date, ends_on: date | None
) -> Contract:
    """Write a contract on the package's terms of today; without `ends_on` it lasts as long as the package.

    Raises PackageNotOnSale, DatesInvalid, OrganizationNotLive.
    """
    require_active()
    sold = package_on_sale(package_id)
    last_day = _last_day(starts_on, ends_on, sold.valid_days)
    contract_id = new_id()
    drafted = Contract(
        tenant_id=tenant_id(),
        id=contract_id,
        package_id=sold.id,
        package_code=sold.code,
        units_per_member=sold.units_per_member,
        price_per_member_minor=sold.price_per_member_minor,
        currency=sold.currency,
        hospital_ids=sorted(set(hospital_ids)),
        starts_on=starts_on,
        ends_on=last_day,
        programme_id=derived_id("programme", contract_id),
        drafted_by=hand(),
    )
    session.add(drafted)
    session.flush()
    return drafted


def propose_contract(contract_id: UUID) -> Contract:
    """Offer the draft to the employer."""
    found = contract(contract_id, for_update=True)
    move(found, "negotiable", NEXT)
    found.proposed_by = hand()
    return found


def sign_contract(contract_id: UUID) -> Contract:
    """The employer agrees."""
    found = contract(contract_id, for_update=True)
    move(found, "executable", NEXT)
    found.signed_by = hand()
    return found


def approve_contract(contract_id: UUID) -> Contract:
    """The operator's second person puts it into force. Raises SameHand, TransitionRefused, OrganizationNotLive."""
    require_active()
    found = contract(contract_id, for_update=True)
    approver = hand()
    if approver in {found.drafted_by, found.proposed_by}:
        raise SameHand
    move(found, "effective", NEXT)
    found.approved_by, found.effective_at = approver, clock.now()
    outbox.add(ContractTookEffect(found.id))
    return found


def cancel_contract(contract_id: UUID, *, because: str) -> Contract:
    """Drop it before it took effect."""
    found = contract(contract_id, for_update=True)
    move(found, "cancelled", NEXT, because=because)
    return found


def terminate_contract(contract_id: UUID, *, because: str) -> Contract:
    """End it early: no new bookings; what is reserved may be finished."""
    found = contract(contract_id, for_update=True)
    move(found, "terminated", NEXT, because=because)
    outbox.add(ContractEnded(found.id))
    return found


def end_expired_contracts() -> int:
    """Contracts whose last day has passed are executed. Returns how many."""
    over = [each for each in effective_contracts() if each.ends_on < clock.today()]
    for each in over:
        move(each, "executed", NEXT)
        outbox.add(ContractEnded(each.id))
    return len(over)


def bill_new_members(contract_id: UUID, members: int) -> UUID | None:
    """Invoice the members granted since the last invoice, by head: the invoice tells counts, never people.

    `members` is the programme's total so far. Returns the invoice's id, or None when nobody is new.
    """
    found = contract(contract_id, for_update=True)
    heads = members - found.heads_billed
    if heads <= 0 or found.price_per_member_minor == 0:
        return None
    line = invoices.InvoiceLine(
        code=found.package_code,
        text=f"{found.starts_on:%Y-%m-%d}/{found.ends_on:%Y-%m-%d}",
        quantity=heads,
        unit_price=found.price_per_member_minor,
        amount_minor=heads * found.price_per_member_minor,
    )
    issued = invoices.issue_invoice(
        customer_id=tenant_id(),
        series="B2B",
        period=invoices.Period(found.starts_on, found.ends_on),
        lines=[line],
        due_on=clock.today() + timedelta(days=payment_days()),
        currency=found.currency,
        programme_id=found.programme_id,
        contract_id=found.id,
        buyer=invoiced_as(),
    )
    found.heads_billed = members
    issued_id: UUID = issued.id
    return issued_id


def _last_day(starts_on: date, ends_on: date | None, valid_days: int) -> date:
    today = clock.today()
    if not today - BEGUN_AT_MOST <= starts_on <= today + BEGINS_WITHIN:
        raise DatesInvalid(starts_on=starts_on, ends_on=ends_on)
    last_day = ends_on or starts_on + timedelta(days=valid_days - 1)
    if last_day < max(starts_on, today) or last_day - starts_on > LASTS_AT_MOST:
        raise DatesInvalid(starts_on=starts_on, ends_on=last_day)
    return last_day

"""What a charity or an insurer bears arrives at the hospital's bank: recorded once, and taken off what it owes."""

from datetime import date
from typing import Final
from uuid import UUID

from tandem.billing.ledger import journal_by_rule, post
from tandem.billing.payments.errors import BearerOwesLess, NobodyOwesThis, ReceiptKeyReused
from tandem.billing.payments.models import Waiver, WaiverReceipt
from tandem.billing.payments.queries import waivers
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import tenant_id

_RULES: Final = {"charity": ("subsidy_received", "subsidy"), "insurer": ("insurance_received", "covered")}
"""How each bearer's money is booked: posting rule, and its name for the amount. The own fund owes nobody."""


def record_bearer_payment(
    waiver_id: UUID, *, amount: Money, received_on: date, reference: str, by: UUID
) -> WaiverReceipt:
    """Record what a bearer paid of a granted waiver; the same reference again is the same receipt. [hospital]

    Raises NobodyOwesThis, BearerOwesLess, ReceiptKeyReused, Invalid for another currency, NotFound.
    """
    waiver = waivers.waiver(waiver_id, for_update=True)
    if amount.currency != waiver.currency:
        raise refused_field(
            "amount.currency",
            Text("The waiver is in another currency", "币种与减免不一致"),
            Text("Use the waiver's currency.", "请使用减免的币种。"),
        )
    known = waivers.receipt_by_reference(waiver_id, reference)
    if known is not None:
        if (known.amount_minor, known.received_on) != (amount.amount_minor, received_on):
            raise ReceiptKeyReused(reference=reference)
        return known
    if waiver.status != "granted" or waiver.bearer not in _RULES:
        raise NobodyOwesThis(waiver_status=waiver.status, bearer=waiver.bearer)
    left_minor = waiver.amount_minor - waivers.received_minor(waiver_id)
    if amount.amount_minor > left_minor:
        raise BearerOwesLess(left_minor=left_minor)
    receipt = WaiverReceipt(
        tenant_id=tenant_id(),
        id=new_id(),
        waiver_id=waiver_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        received_on=received_on,
        reference=reference,
        recorded_by=by,
    )
    session.add(receipt)
    session.flush()
    audit.record(
        action="waiver.paid",
        object_type="waiver",
        object_id=waiver_id,
        details={"amount_minor": amount.amount_minor, "receipt_id": str(receipt.id)},
    )
    _book(waiver, receipt)
    return receipt


def _book(waiver: Waiver, receipt: WaiverReceipt) -> None:
    rule, name = _RULES[waiver.bearer]
    draft = journal_by_rule(
        rule,
        amounts={name: receipt.amount_minor},
        key=str(receipt.id),
        effective_at=clock.day_bounds(receipt.received_on)[0],
        source_type="waiver_receipt",
        source_id=receipt.id,
        currency=receipt.currency,
        correlation_id=waiver.order_id,
    )
    post([draft])

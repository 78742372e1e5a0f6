"""Paying one of the operator's invoices online: asked by its customer, taken on the operator's own account."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import update

from tandem.billing.invoices import payable_invoice, record_invoice_payment
from tandem.billing.ledger import post
from tandem.billing.payments import postings
from tandem.billing.payments.commands.pay import KEY_LASTS, require_way_to_pay
from tandem.billing.payments.errors import InvoiceBeingPaid
from tandem.billing.payments.events import InvoicePaymentAsked
from tandem.billing.payments.models import INVOICE_METHODS, PAYMENT_NEXT, WAITING, InvoiceIntent
from tandem.billing.payments.queries import invoice_intents
from tandem.billing.provider_facts import ProviderIntent, ProviderMovement
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

STATUS: Final = {
    "requires_action": "requires_action",
    "processing": "processing",
    "succeeded": "succeeded",
    "canceled": "cancelled",
}
LASTS: Final = timedelta(hours=1)
"""How long somebody may take at the wallet's page; then the invoice can be paid by another attempt."""


@dataclass(frozen=True)
class InvoiceWish:
    """What is to be asked for outside."""

    id: UUID
    method: str
    amount_minor: int
    currency: str
    payment_method: str | None
    return_url: str | None


def pay_invoice(
    invoice_id: UUID, *, method: str, payment_method: str | None = None, return_url: str | None = None
) -> InvoiceIntent:
    """Ask for all that is open of an issued invoice; a job speaks to the provider after the commit. [customer]

    Raises InvoiceBeingPaid while another attempt is under way, InvoiceNotOpen, Invalid, NotFound.
    """
    owed = payable_invoice(invoice_id)
    require_way_to_pay(method, payment_method, among=INVOICE_METHODS)
    intent = InvoiceIntent(
        tenant_id=tenant_id(),
        id=new_id(),
        invoice_id=invoice_id,
        method=method,
        payment_method=payment_method,
        return_url=return_url,
        amount_minor=owed.open_minor,
        currency=owed.currency,
        expires_at=clock.now() + LASTS,
    )
    with refusing(invoice_intent_one_at_a_time_key=InvoiceBeingPaid):
        session.add(intent)
    audit.record(
        action="invoice_intent.created",
        object_type="invoice_intent",
        object_id=intent.id,
        details={"invoice_id": str(invoice_id), "method": method, "amount_minor": owed.open_minor},
    )
    outbox.add(InvoicePaymentAsked(intent.id))
    return intent


def begin_invoice_payment(intent_id: UUID) -> InvoiceWish | None:
    """Note that the provider is about to be asked; None when there is nothing to ask for (any more). [customer]"""
    intent = invoice_intents.intent_for_update(intent_id)
    if intent is None or intent.status != "created":
        return None
    if intent.asked_at is not None and intent.asked_at + KEY_LASTS < clock.now():
        # Whether it was charged must be looked up now, not tried again: the sweeper does.
        return None
    intent.asked_at = intent.asked_at or clock.now()
    return InvoiceWish(
        intent.id, intent.method, intent.amount_minor, intent.currency, intent.payment_method, intent.return_url
    )


def end_invoice_payment(intent_id: UUID, code: str, *, status: str = "failed") -> None:
    """The provider said no, or never heard of it; the invoice can be paid by another attempt. [customer]"""
    intent = invoice_intents.intent_for_update(intent_id)
    if intent is not None and intent.status in WAITING:
        move(intent, status, PAYMENT_NEXT, because=code)
        intent.failure_code, intent.next_action = code, None


def fold_invoice_intent(told: ProviderIntent) -> ProviderMovement | None:
    """What the provider says of an attempt: in any order, however often. [customer]

    Money that arrived is recorded on the invoice, whatever has become of it since. Returns the movement whose fee is
    still to be booked, which happens in the operator's book.
    """
    intent = invoice_intents.intent_for_update(UUID(told.key)) if told.key is not None else None
    if intent is None or intent.provider_intent_id not in {None, told.id}:
        return None
    intent.provider_intent_id, intent.client_secret = told.id, told.client_secret or intent.client_secret
    wanted = STATUS.get(told.status)
    if told.status == "requires_payment_method" and told.failure_code is not None:
        wanted = "failed"
    if wanted == "succeeded":
        return _succeed(intent, told)
    if wanted is not None and wanted in PAYMENT_NEXT[intent.status]:
        move(intent, wanted, PAYMENT_NEXT, because=told.failure_code)
        is_over = wanted in {"failed", "cancelled"}
        intent.next_action = None if is_over else told.next_action_url
        intent.failure_code = told.failure_code if is_over else None
    return None


def is_recorded(told: ProviderIntent) -> bool:
    """Whether an attempt that the provider tells of is ours, and its money is recorded. [customer]"""
    try:
        intent = invoice_intents.intent_for_update(UUID(told.key or ""))
    except ValueError:
        return False
    return intent is not None and intent.provider_intent_id == told.id and intent.status == "succeeded"


def book_operators_fee(movement: ProviderMovement) -> None:
    """What the provider kept of an invoice's payment is the operator's expense, booked once. [operator's tenant]"""
    if movement.fee_minor:
        post([postings.fee_taken(movement, movement.fee_minor)])


def note_operators_fee(intent_id: str, fee_minor: int) -> None:
    """The fee of an attempt is booked: it need not be asked for again. [customer]"""
    ours = update(InvoiceIntent).where(
        InvoiceIntent.tenant_id == tenant_id(), InvoiceIntent.provider_intent_id == intent_id
    )
    session.execute(ours.values(fee_minor=fee_minor).execution_options(synchronize_session=False))


def _succeed(intent: InvoiceIntent, told: ProviderIntent) -> ProviderMovement | None:
    charge = told.charge
    if charge is None or charge.status != "succeeded":
        return None
    if intent.status != "succeeded":
        move(intent, "succeeded", PAYMENT_NEXT)
        intent.succeeded_at, intent.next_action, intent.failure_code = charge.created_at, None, None
        session.flush()
        record_invoice_payment(
            intent.invoice_id,
            amount_minor=charge.captured_minor,
            paid_on=charge.created_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date(),
            reference=told.id,
            method=intent.method,
            keep_surplus=True,
        )
    return charge.movement if intent.fee_minor is None else None

"""Money for invoices: what is open, on whose account it is paid, and what arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tandem.billing.invoices import queries
from tandem.billing.invoices.errors import InvoiceNotOpen, InvoiceOverpaid, InvoicePaymentKeyReused
from tandem.billing.invoices.events import InvoicePaymentRecorded, InvoiceSettled
from tandem.billing.invoices.models import NEXT, Invoice, InvoicePayment
from tandem.kernel import clock, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class Payable:
    """What an online payment of an invoice may ask for.

    It is paid into the operator's own account at the payment provider: there is no connected account to name, because
    a hospital's account never takes the operator's money.
    """

    invoice_id: UUID
    customer_id: UUID
    document_no: str
    open_minor: int
    currency: str


def payable_invoice(invoice_id: UUID) -> Payable:
    """What of an issued invoice is open now. [customer] Raises InvoiceNotOpen, NotFound."""
    row = queries.invoice(invoice_id)
    if row.document_no is None or row.open_minor <= 0:
        raise InvoiceNotOpen
    return Payable(row.id, row.customer_id, row.document_no, row.open_minor, row.currency)


def record_invoice_payment(
    invoice_id: UUID,
    *,
    amount_minor: int,
    paid_on: date,
    reference: str,
    method: str = "bank_transfer",
    keep_surplus: bool = False,
) -> InvoicePayment:
    """Record money that arrived for an invoice, once per reference. [customer]

    `reference` is the bank's, or the payment intent's id. More than is open is refused; with `keep_surplus`, for money
    that has arrived whatever we think of it, the surplus is recorded and owed back. Raises InvoiceOverpaid,
    InvoicePaymentKeyReused, InvoiceNotOpen, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    known = queries.payment_by_reference(invoice_id, reference)
    if known is not None:
        if known.amount_minor != amount_minor:
            raise InvoicePaymentKeyReused(reference=reference)
        return known
    if row.kind == "credit_note" or row.number is None:
        raise InvoiceNotOpen
    open_minor = max(0, row.open_minor)
    if amount_minor > open_minor and not keep_surplus:
        raise InvoiceOverpaid(open_minor=open_minor)
    applied_minor = min(amount_minor, open_minor)
    payment = InvoicePayment(
        tenant_id=tenant_id(),
        id=new_id(),
        invoice_id=row.id,
        method=method,
        amount_minor=amount_minor,
        surplus_minor=amount_minor - applied_minor,
        currency=row.currency,
        paid_on=paid_on,
        reference=reference,
    )
    session.add(payment)
    row.paid_minor += applied_minor
    settle_if_nothing_is_open(row)
    outbox.add(InvoicePaymentRecorded(payment.id))
    return payment


@dataclass(frozen=True, slots=True)
class OwedBack:
    """What a customer is owed back for something, before what was given back already; and for which invoices."""

    amount_minor: int
    currency: str
    invoice_ids: Sequence[UUID]


def owed_back(invoice_id: UUID) -> OwedBack:
    """What arrived for an invoice beyond what is owed on it: a surplus, or credit over what was paid. [customer]

    Its row is held until the transaction ends, so that two who give back see each other. Raises NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    is_owed = row.kind == "invoice" and row.status in {"issued", "settled"}
    asked_minor = row.total_minor - row.credited_minor if is_owed else 0
    return OwedBack(max(0, queries.arrived_minor(row.id) - asked_minor), row.currency, [row.id])


def owed_of_closing(closing_id: UUID) -> OwedBack:
    """What a programme's accepted closing gives back; its row is held. [employer] Raises NotFound."""
    closing = queries.prepayment_closing(closing_id, for_update=True)
    is_owed = closing.status == "accepted" and closing.policy == "refunded"
    amount_minor = closing.unused_minor if is_owed else 0
    return OwedBack(amount_minor, closing.currency, queries.invoices_of_programme(closing.programme_id))


def settle_if_nothing_is_open(row: Invoice) -> None:
    """An issued invoice of which nothing is left to pay is settled."""
    if row.status == "issued" and row.open_minor <= 0:
        move(row, "settled", NEXT)
        row.settled_at = clock.now()
        outbox.add(InvoiceSettled(row.id))

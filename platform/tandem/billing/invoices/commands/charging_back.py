"""A customer's bank takes an online payment back: the invoice is owed again until the bank gives the money back.

The customer owes what it was invoiced, whatever its bank thinks of the card; so nothing is held or lost here, the
payment is undone. Reminders stop until the bank or the operator has spoken.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from tandem.billing.invoices import postings, queries
from tandem.billing.invoices.commands.paying import settle_if_nothing_is_open
from tandem.billing.invoices.models import CHARGEBACK_NEXT, NEXT, Invoice, InvoiceChargeback
from tandem.billing.ledger import mirror_currency, post
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

BY_ITS_BANK: Final = "card payment disputed"


@dataclass(frozen=True, slots=True)
class ChargebackNews:
    """What the provider says of a dispute now: `status` as of ours; when the money went, and came back."""

    provider_dispute_id: str
    amount_minor: int
    reason: str
    status: str
    opened_at: datetime
    taken_at: datetime | None
    given_back_at: datetime | None


def fold_chargeback(invoice_id: UUID, payment_reference: str, told: ChargebackNews, *, repaid_minor: int) -> bool:
    """Take a payment back, or again, as the provider says: in any order, however often. [customer]

    `repaid_minor` is what the customer was given back of the invoice's money. False for a payment that is not recorded.
    Raises NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    payment = queries.payment_by_reference(invoice_id, payment_reference)
    if payment is None:
        return False
    held = _held(told.provider_dispute_id)
    if held is None:
        held = InvoiceChargeback(
            tenant_id=tenant_id(), id=new_id(), invoice_id=invoice_id, invoice_payment_id=payment.id,
            provider_dispute_id=told.provider_dispute_id, amount_minor=min(told.amount_minor, payment.amount_minor),
            currency=payment.currency, reason=told.reason[:200], opened_at=told.opened_at, status="open",
        )  # fmt: skip
        session.add(held)
        session.flush()
    if told.taken_at is not None and held.taken_at is None:
        held.taken_at = told.taken_at
        _book(held, row, -held.amount_minor, "taken", told.taken_at)
    if told.given_back_at is not None and held.taken_at is not None and held.given_back_at is None:
        held.given_back_at = told.given_back_at
        _book(held, row, held.amount_minor, "given_back", told.given_back_at)
    if told.status in CHARGEBACK_NEXT[held.status]:
        move(held, told.status, CHARGEBACK_NEXT, because=told.reason[:200])
    session.flush()
    _owe_again(row, repaid_minor)
    return True


def _held(provider_dispute_id: str) -> InvoiceChargeback | None:
    # The invoice's row is held: whoever folds the same dispute waits for it.
    return session.scalar(
        select(InvoiceChargeback).where(
            InvoiceChargeback.tenant_id == tenant_id(), InvoiceChargeback.provider_dispute_id == provider_dispute_id
        )
    )


def _book(held: InvoiceChargeback, row: Invoice, amount_minor: int, step: str, at: datetime) -> None:
    post([postings.payment_disputed(held, row, amount_minor, step=step, at=at)])
    jobs.enqueue(mirror_currency, currency=held.currency)


def _owe_again(row: Invoice, repaid_minor: int) -> None:
    if row.status not in {"issued", "settled"}:
        return
    row.paid_minor = min(row.total_minor, max(0, queries.arrived_minor(row.id) - repaid_minor))
    if row.open_minor > 0 and row.status == "settled":
        move(row, "issued", NEXT, because=BY_ITS_BANK)
        row.settled_at = None
        if row.disputed_at is None:
            row.disputed_at, row.dispute_reason = clock.now(), BY_ITS_BANK
    settle_if_nothing_is_open(row)
    if row.status == "settled" and row.dispute_reason == BY_ITS_BANK:
        row.disputed_at = None

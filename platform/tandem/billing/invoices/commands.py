"""Writing, issuing, paying and voiding invoices, in the employer's scope; jobs book what was decided."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.invoices import postings, queries
from tandem.billing.invoices.drafts import InvoiceLine, Period
from tandem.billing.invoices.errors import InvoiceLinesWrong, InvoiceOverpaid, InvoicePaymentKeyReused
from tandem.billing.invoices.events import InvoiceIssued, InvoicePaid, InvoicePaymentRecorded, InvoiceVoided
from tandem.billing.invoices.models import NEXT, Invoice, InvoiceLineRow, InvoicePayment, NumberSeries
from tandem.billing.ledger import mirror_currency, post
from tandem.kernel import clock, jobs, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def issue_invoice(
    *,
    customer_id: UUID,
    series: str,
    period: Period,
    lines: Sequence[InvoiceLine],
    due_on: date,
    currency: str = "CNY",
    programme_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Invoice:
    """Write an invoice and issue it at once. [employer] Raises InvoiceLinesWrong."""
    row = draft_invoice(
        customer_id=customer_id,
        series=series,
        period=period,
        lines=lines,
        due_on=due_on,
        currency=currency,
        programme_id=programme_id,
        contract_id=contract_id,
    )
    return issue_draft(row.id)


def draft_invoice(
    *,
    customer_id: UUID,
    series: str,
    period: Period,
    lines: Sequence[InvoiceLine],
    due_on: date,
    currency: str = "CNY",
    programme_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Invoice:
    """Write an invoice without a number. `programme_id` is the plan whose prepayment it asks for. [employer]

    Raises InvoiceLinesWrong.
    """
    for line_no, line in enumerate(lines, start=1):
        if line.amount_minor != line.quantity * line.unit_price_minor or line.amount_minor < 0:
            raise InvoiceLinesWrong(line=line_no)
    total_minor = sum(line.amount_minor for line in lines)
    if total_minor <= 0:
        raise InvoiceLinesWrong(line=0)
    row = Invoice(
        tenant_id=tenant_id(),
        series=series,
        customer_id=customer_id,
        programme_id=programme_id,
        contract_id=contract_id,
        first_day=period.first_day,
        last_day=period.last_day,
        due_on=due_on,
        currency=currency,
        total_minor=total_minor,
    )
    session.add(row)
    session.flush()
    session.add_all(
        InvoiceLineRow(
            tenant_id=row.tenant_id,
            invoice_id=row.id,
            line_no=line_no,
            code=line.code,
            text=line.text,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            amount_minor=line.amount_minor,
            currency=currency,
        )
        for line_no, line in enumerate(lines, start=1)
    )
    return row


def issue_draft(invoice_id: UUID) -> Invoice:
    """Give a draft the next number of its series; from now on it is owed. [employer]

    Raises TransitionRefused, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    move(row, "issued", NEXT)
    row.number, row.issued_at = _next_number(row.series), clock.now()
    session.flush()
    outbox.add(InvoiceIssued(row.id))
    return row


def void_invoice(invoice_id: UUID, *, because: str) -> Invoice:
    """Withdraw an invoice; its number stays used. [employer] Raises TransitionRefused, InvoiceOverpaid, NotFound."""
    row = queries.invoice(invoice_id, for_update=True)
    if row.paid_minor:
        # What was paid must be given back first; a void invoice owes nothing to anybody.
        raise InvoiceOverpaid(open_minor=0)
    was_issued = row.status == "issued"
    move(row, "void", NEXT, because=because)
    row.voided_at, row.void_reason = clock.now(), because
    if was_issued:
        outbox.add(InvoiceVoided(row.id))
    return row


def record_invoice_payment(invoice_id: UUID, *, amount_minor: int, paid_on: date, reference: str) -> InvoicePayment:
    """Record money that arrived for an invoice, once per bank reference. [employer]

    Raises InvoiceOverpaid, InvoicePaymentKeyReused, TransitionRefused, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    known = queries.payment_by_reference(invoice_id, reference)
    if known is not None:
        if known.amount_minor != amount_minor:
            raise InvoicePaymentKeyReused(reference=reference)
        return known
    open_minor = row.total_minor - row.paid_minor
    if amount_minor > open_minor:
        raise InvoiceOverpaid(open_minor=open_minor)
    payment = InvoicePayment(
        tenant_id=tenant_id(),
        id=new_id(),
        invoice_id=row.id,
        amount_minor=amount_minor,
        currency=row.currency,
        paid_on=paid_on,
        reference=reference,
    )
    session.add(payment)
    if amount_minor == open_minor:
        move(row, "paid", NEXT)
        row.paid_at = clock.now()
        outbox.add(InvoicePaid(row.id))
    row.paid_minor += amount_minor
    outbox.add(InvoicePaymentRecorded(payment.id))
    return payment


def book_invoice(invoice_id: UUID) -> None:
    """Book an issued invoice in the employer's book and ask for its mirror. [employer]"""
    row = queries.invoice(invoice_id)
    post([postings.invoice_issued(row)])
    jobs.enqueue(mirror_currency, currency=row.currency)


def book_void(invoice_id: UUID) -> None:
    """Undo an invoice's booking. [employer]"""
    row = queries.invoice(invoice_id)
    post([postings.invoice_issued(row), postings.invoice_voided(row)])
    jobs.enqueue(mirror_currency, currency=row.currency)


def book_invoice_payment(invoice_payment_id: UUID) -> None:
    """Book money that arrived for an invoice. [employer]"""
    payment = queries.invoice_payment(invoice_payment_id)
    post([postings.invoice_paid(payment)])
    jobs.enqueue(mirror_currency, currency=payment.currency)


def _next_number(series: str) -> int:
    first = insert(NumberSeries.__table__).values(tenant_id=tenant_id(), id=new_id(), series=series, next_number=1)
    session.execute(first.on_conflict_do_nothing())
    locked = select(NumberSeries).where(NumberSeries.tenant_id == tenant_id(), NumberSeries.series == series)
    row = session.scalars(locked.with_for_update().execution_options(populate_existing=True)).one()
    number = row.next_number
    row.next_number = number + 1
    return number

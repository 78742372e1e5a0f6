"""How an employer's book says what is owed to the operator; the operator's book mirrors it."""

from uuid import UUID

from tandem.billing.invoices.models import Invoice, InvoicePayment
from tandem.billing.ledger import JournalDraft, Line
from tandem.kernel import clock


def invoice_issued(row: Invoice) -> JournalDraft:
    """The employer owes the invoice; the programme it prepays is its expense."""
    programme = _programme(row)
    at = row.issued_at or row.created_at
    return JournalDraft(
        kind="invoice_issued",
        key=str(row.id),
        effective_at=at,
        lines=[Line("exp.benefits", row.total_minor, programme), Line("ap.operator", -row.total_minor)],
        source_type="invoice",
        source_id=row.id,
        currency=row.currency,
        correlation_id=row.id,
    )


def invoice_voided(row: Invoice) -> JournalDraft:
    """The invoice is not owed after all."""
    return JournalDraft(
        kind="invoice_voided",
        key=str(row.id),
        effective_at=row.voided_at or clock.now(),
        lines=[Line("ap.operator", row.total_minor), Line("exp.benefits", -row.total_minor, _programme(row))],
        source_type="invoice",
        source_id=row.id,
        currency=row.currency,
        correlation_id=row.id,
    )


def invoice_paid(payment: InvoicePayment) -> JournalDraft:
    """The employer paid by bank transfer."""
    at, _ = clock.day_bounds(payment.paid_on)
    return JournalDraft(
        kind="invoice_paid",
        key=str(payment.id),
        effective_at=at,
        lines=[Line("ap.operator", payment.amount_minor), Line("cash.bank", -payment.amount_minor)],
        source_type="invoice_payment",
        source_id=payment.id,
        currency=payment.currency,
        correlation_id=payment.id,
    )


def _programme(row: Invoice) -> UUID:
    # An invoice of no programme is prepaid by the employer as such.
    return row.programme_id or row.customer_id

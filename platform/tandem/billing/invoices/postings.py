"""How an employer's book says what is owed to the operator, by rule; the operator's book mirrors it."""

from uuid import UUID

from tandem.billing.invoices.models import Invoice, InvoicePayment
from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.kernel import clock


def invoice_issued(row: Invoice) -> JournalDraft:
    """The employer owes the invoice; the programme it prepays is its expense."""
    return journal_by_rule(
        "invoice_issued",
        amounts={"total": row.total_minor},
        parties={"programme": _programme(row)},
        key=str(row.id),
        effective_at=row.issued_at or row.created_at,
        source_type="invoice",
        source_id=row.id,
        currency=row.currency,
        correlation_id=row.id,
    )


def invoice_voided(row: Invoice) -> JournalDraft:
    """The invoice is not owed after all."""
    return journal_by_rule(
        "invoice_voided",
        amounts={"total": row.total_minor},
        parties={"programme": _programme(row)},
        key=str(row.id),
        effective_at=row.voided_at or clock.now(),
        source_type="invoice",
        source_id=row.id,
        currency=row.currency,
        correlation_id=row.id,
    )


def invoice_paid(payment: InvoicePayment) -> JournalDraft:
    """The employer paid by bank transfer."""
    at, _ = clock.day_bounds(payment.paid_on)
    return journal_by_rule(
        "invoice_paid",
        amounts={"amount": payment.amount_minor},
        key=str(payment.id),
        effective_at=at,
        source_type="invoice_payment",
        source_id=payment.id,
        currency=payment.currency,
        correlation_id=payment.id,
    )


def _programme(row: Invoice) -> UUID:
    # An invoice of no programme is prepaid by the employer as such.
    return row.programme_id or row.customer_id

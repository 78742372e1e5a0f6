"""How a customer's book says what is owed to the operator, by rule; the operator's book mirrors it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.invoices.models import Invoice, InvoicePayment
from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.kernel import clock

ISSUE_KINDS: Final = (
    "invoice_issued",
    "taxed_invoice_issued",
    "hospital_invoice_issued",
    "invoice_credited",
    "hospital_invoice_credited",
)
"""Kinds of journal that book an invoice or credit note at its issue, keyed by its id."""


def invoice_issued(row: Invoice) -> JournalDraft:
    """The customer owes the invoice."""
    return _owed(row, "issued", row.issued_at or row.created_at)


def invoice_voided(row: Invoice) -> JournalDraft:
    """The invoice is not owed after all."""
    return _owed(row, "voided", row.voided_at or clock.now())


def invoice_credited(note: Invoice) -> JournalDraft:
    """What the credit note says is not owed after all."""
    return _owed(note, "credited", note.issued_at or note.created_at)


def invoice_paid(payment: InvoicePayment, row: Invoice) -> JournalDraft:
    """The customer paid: by bank transfer, or online into the operator's own account at the payment provider."""
    at, _ = clock.day_bounds(payment.paid_on)
    rule = "invoice_paid" if payment.method == "bank_transfer" else "invoice_paid_online"
    return journal_by_rule(
        f"hospital_{rule}" if row.customer_kind == "hospital" else rule,
        amounts={"amount": payment.amount_minor},
        key=str(payment.id),
        effective_at=at,
        source_type="invoice_payment",
        source_id=payment.id,
        currency=payment.currency,
        correlation_id=payment.id,
    )


def _owed(row: Invoice, step: str, at: datetime) -> JournalDraft:
    rule, amounts, parties = f"invoice_{step}", {"total": row.total_minor}, {"programme": _programme(row)}
    if row.customer_kind == "hospital":
        rule, parties = f"hospital_{rule}", {}
    elif row.tax_minor and step != "credited":
        rule = f"taxed_{rule}"
    if rule not in {"invoice_issued", "invoice_voided"}:
        amounts |= {"net": row.net_minor, "tax": row.tax_minor}
    return journal_by_rule(
        rule,
        amounts=amounts,
        parties=parties,
        key=str(row.id),
        effective_at=at,
        source_type="invoice",
        source_id=row.id,
        currency=row.currency,
        correlation_id=row.id,
    )


def _programme(row: Invoice) -> UUID | None:
    # An invoice of no programme is prepaid by the employer as such.
    return row.programme_id or row.customer_id

"""How a customer's book says what is owed to the operator, by rule; the operator's book mirrors it."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from tandem.billing.invoices.models import Invoice, InvoiceChargeback, InvoicePayment, PrepaymentClosing
from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.kernel import clock

OWED_BY_EMPLOYER: Final = (
    "invoice_issued",
    "taxed_invoice_issued",
    "prepayment_invoiced",
    "taxed_prepayment_invoiced",
)
"""Kinds of journal that book an employer's invoice, keyed by its id."""
CREDIT_KINDS: Final = ("invoice_credited", "prepayment_credited", "hospital_invoice_credited")
"""Kinds of journal that book a credit note, keyed by its id."""
ISSUE_KINDS: Final = (*OWED_BY_EMPLOYER, "hospital_invoice_issued", *CREDIT_KINDS)
"""Kinds of journal that book an invoice or credit note at its issue, keyed by its id."""
PREPAID_FROM: Final = date(2026, 11, 22)
"""What asks for a programme's prepayment and was issued before this day had been booked as the employer's expense at
once, and is voided or credited as such; from this day on it is visits to come, and their draws are the expense."""

_RULES: Final = {
    ("employer", "issued"): ("invoice_issued", "taxed_invoice_issued"),
    ("employer", "voided"): ("invoice_voided", "taxed_invoice_voided"),
    ("employer", "credited"): ("invoice_credited", "invoice_credited"),
    ("programme", "issued"): ("prepayment_invoiced", "taxed_prepayment_invoiced"),
    ("programme", "voided"): ("prepayment_voided", "prepayment_voided"),
    ("programme", "credited"): ("prepayment_credited", "prepayment_credited"),
    ("hospital", "issued"): ("hospital_invoice_issued", "hospital_invoice_issued"),
    ("hospital", "voided"): ("hospital_invoice_voided", "hospital_invoice_voided"),
    ("hospital", "credited"): ("hospital_invoice_credited", "hospital_invoice_credited"),
}
"""By who owes what, and what happened to it: the rule of an invoice without tax, and of one with tax."""
_WHOLE: Final = frozenset({"invoice_issued", "invoice_voided", "prepayment_invoiced"})
"""Rules that know no tax."""
_PAID: Final = {
    ("employer", True): "invoice_paid",
    ("employer", False): "invoice_paid_online",
    ("hospital", True): "hospital_invoice_paid",
    ("hospital", False): "hospital_invoice_paid_online",
}
"""By who paid, and whether by bank transfer."""
PAYMENT_KINDS: Final = tuple(_PAID.values())
"""Kinds of journal that book a payment, keyed by its id."""


def invoice_issued(row: Invoice) -> JournalDraft:
    """The customer owes the invoice."""
    return _owed(row, "issued", row.issued_at or row.created_at)


def invoice_voided(row: Invoice) -> JournalDraft:
    """The invoice is not owed after all."""
    return _owed(row, "voided", row.voided_at or clock.now())


def invoice_credited(note: Invoice, credited: Invoice) -> JournalDraft:
    """What the credit note says is not owed after all, on the account where the invoice stands."""
    return _owed(note, "credited", note.issued_at or note.created_at, stands_since=credited.issued_at)


def invoice_paid(payment: InvoicePayment, row: Invoice) -> JournalDraft:
    """The customer paid: by bank transfer, or online into the operator's own account at the payment provider."""
    at, _ = clock.day_bounds(payment.paid_on)
    return journal_by_rule(
        _PAID[row.customer_kind, payment.method == "bank_transfer"],
        amounts={"amount": payment.amount_minor},
        key=str(payment.id),
        effective_at=at,
        source_type="invoice_payment",
        source_id=payment.id,
        currency=payment.currency,
        correlation_id=payment.id,
    )


def payment_disputed(
    held: InvoiceChargeback, row: Invoice, amount_minor: int, *, step: str, at: datetime
) -> JournalDraft:
    """The customer's bank took its online payment back (negative), or the provider brought it again."""
    return journal_by_rule(
        _PAID[row.customer_kind, False],
        amounts={"amount": amount_minor},
        key=f"{held.id}:{step}",
        effective_at=at,
        source_type="invoice_payment",
        source_id=held.invoice_payment_id,
        currency=held.currency,
        correlation_id=held.invoice_payment_id,
    )


def prepayment_drawn(programme_id: UUID, used_minor: int, *, key: str, at: datetime, currency: str) -> JournalDraft:
    """Visits were delivered on the programme, told as a sum: they are the employer's expense."""
    return journal_by_rule(
        "prepayment_drawn",
        amounts={"used": used_minor},
        parties={"programme": programme_id},
        key=key,
        effective_at=at,
        source_type="programme",
        source_id=programme_id,
        currency=currency,
    )


def prepayment_closed(closing: PrepaymentClosing) -> JournalDraft:
    """What a programme left: the operator owes it back, or the following programme has it coming."""
    return _closing(closing, "prepayment_refunded" if closing.policy == "refunded" else "prepayment_rolled_over")


def programme_rolled_over(closing: PrepaymentClosing) -> JournalDraft:
    """The operator's side of a prepayment that serves the following programme."""
    return _closing(closing, "programme_rolled_over")


def _closing(closing: PrepaymentClosing, rule: str) -> JournalDraft:
    following = {} if closing.following_programme_id is None else {"following": closing.following_programme_id}
    return journal_by_rule(
        rule,
        amounts={"unused": closing.unused_minor},
        parties={"programme": closing.programme_id} | following,
        key=str(closing.id),
        effective_at=closing.decided_at or closing.proposed_at,
        source_type="prepayment_closing",
        source_id=closing.id,
        currency=closing.currency,
        correlation_id=closing.id,
    )


def _owed(row: Invoice, step: str, at: datetime, *, stands_since: datetime | None = None) -> JournalDraft:
    customer, since = row.customer_kind, stands_since or row.issued_at or at
    if customer == "employer" and row.programme_id is not None and since >= clock.day_bounds(PREPAID_FROM)[0]:
        customer = "programme"
    rule = _RULES[customer, step][row.tax_minor != 0]
    amounts = {"total": row.total_minor}
    if rule not in _WHOLE:
        amounts |= {"net": row.net_minor, "tax": row.tax_minor}
    return journal_by_rule(
        rule,
        amounts=amounts,
        parties={} if customer == "hospital" else {"programme": _programme(row)},
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

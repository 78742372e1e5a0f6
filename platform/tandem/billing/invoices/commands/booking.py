"""What was decided about invoices goes into the customer's book; the operator's book mirrors it. Jobs call this."""

from uuid import UUID

from tandem.billing.invoices import postings, queries
from tandem.billing.ledger import mirror_currency, post
from tandem.kernel import jobs


def book_invoice(invoice_id: UUID) -> None:
    """Book an issued invoice in the customer's book and ask for its mirror. [customer]"""
    row = queries.invoice(invoice_id)
    post([postings.invoice_issued(row)])
    jobs.enqueue(mirror_currency, currency=row.currency)


def book_credit_note(credit_note_id: UUID) -> None:
    """Book that a part of an invoice is not owed. [customer]"""
    note = queries.invoice(credit_note_id)
    credited = queries.invoice(note.corrects_id) if note.corrects_id is not None else note
    post([postings.invoice_credited(note, credited)])
    jobs.enqueue(mirror_currency, currency=note.currency)


def book_void(invoice_id: UUID) -> None:
    """Undo an invoice's booking. [customer]"""
    row = queries.invoice(invoice_id)
    post([postings.invoice_issued(row), postings.invoice_voided(row)])
    jobs.enqueue(mirror_currency, currency=row.currency)


def book_invoice_payment(invoice_payment_id: UUID) -> None:
    """Book money that arrived for an invoice. [customer]"""
    payment = queries.invoice_payment(invoice_payment_id)
    post([postings.invoice_paid(payment, queries.invoice(payment.invoice_id))])
    jobs.enqueue(mirror_currency, currency=payment.currency)

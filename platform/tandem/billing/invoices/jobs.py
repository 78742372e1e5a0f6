"""What happens to the books when something has happened to an invoice."""

from uuid import UUID

from tandem.billing.invoices import commands
from tandem.kernel.jobs import job


@job(queue="slow")
def book_invoice(invoice_id: UUID) -> None:
    """An invoice was issued: it is owed."""
    commands.book_invoice(invoice_id)


@job(queue="slow")
def book_credit_note(credit_note_id: UUID) -> None:
    """A credit note was issued: so much is not owed after all."""
    commands.book_credit_note(credit_note_id)


@job(queue="slow")
def book_void(invoice_id: UUID) -> None:
    """An invoice was voided: it is not owed after all."""
    commands.book_void(invoice_id)


@job(queue="slow")
def book_invoice_payment(invoice_payment_id: UUID) -> None:
    """Money for an invoice arrived."""
    commands.book_invoice_payment(invoice_payment_id)

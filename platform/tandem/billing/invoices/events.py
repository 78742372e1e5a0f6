"""What invoices tell the houses above."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class InvoiceIssued(Event):
    """An invoice has its number and is owed."""

    invoice_id: UUID


@dataclass(frozen=True)
class CreditNoteIssued(Event):
    """A credit note has its number: its sum is not owed after all."""

    credit_note_id: UUID


@dataclass(frozen=True)
class InvoicePaymentRecorded(Event):
    """Money for an invoice arrived."""

    invoice_payment_id: UUID


@dataclass(frozen=True)
class InvoiceSettled(Event):
    """Nothing of an invoice is left to pay."""

    invoice_id: UUID


@dataclass(frozen=True)
class CustomerParked(Event):
    """Something about a customer's bill is out of line: no run issues to it until somebody has looked."""

    billing_park_id: UUID


@dataclass(frozen=True)
class CustomerReleased(Event):
    """Somebody has looked: what waits may be issued."""

    billing_park_id: UUID


@dataclass(frozen=True)
class InvoiceDisputed(Event):
    """A customer says that an invoice is wrong."""

    invoice_id: UUID


@dataclass(frozen=True)
class InvoiceVoided(Event):
    """An issued invoice is not owed after all."""

    invoice_id: UUID


@dataclass(frozen=True)
class PrepaymentClosingAccepted(Event):
    """An employer agreed to what becomes of the rest of a prepayment."""

    prepayment_closing_id: UUID

"""What reminders tell the houses above."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class InvoiceReminded(Event):
    """A customer was reminded of an overdue invoice."""

    invoice_reminder_id: UUID

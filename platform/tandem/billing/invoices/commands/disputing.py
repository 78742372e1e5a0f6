"""A customer says an invoice is wrong: reminders stop until the operator has answered."""

from uuid import UUID

from tandem.billing.invoices import queries
from tandem.billing.invoices.errors import InvoiceNotOpen
from tandem.billing.invoices.events import InvoiceDisputed
from tandem.billing.invoices.models import Invoice
from tandem.kernel import audit, clock, outbox


def dispute_invoice(invoice_id: UUID, *, because: str) -> Invoice:
    """Say what is wrong with an open invoice. [customer] Raises InvoiceNotOpen, NotFound."""
    row = queries.invoice(invoice_id, for_update=True)
    if row.kind != "invoice" or row.status != "issued":
        raise InvoiceNotOpen
    row.disputed_at, row.dispute_reason = row.disputed_at or clock.now(), because
    audit.record(action="invoice.disputed", object_type="invoice", object_id=row.id, details={"because": because})
    outbox.add(InvoiceDisputed(row.id))
    return row


def resolve_dispute(invoice_id: UUID, *, because: str) -> Invoice:
    """The operator has answered: by a credit note, or because the invoice is right. [customer]

    Raises InvoiceNotOpen when nobody disputes it, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    if row.disputed_at is None:
        raise InvoiceNotOpen
    row.disputed_at = None
    audit.record(
        action="invoice.dispute_resolved", object_type="invoice", object_id=row.id, details={"because": because}
    )
    return row

"""Invoices to employers: counts and sums, never people; numbered without a gap when they are issued. 发票"""

from tandem.billing.invoices.commands import (
    draft_invoice,
    issue_draft,
    issue_invoice,
    record_invoice_payment,
    void_invoice,
)
from tandem.billing.invoices.drafts import InvoiceLine, Period
from tandem.billing.invoices.errors import InvoiceLinesWrong, InvoiceOverpaid
from tandem.billing.invoices.events import InvoiceIssued, InvoicePaid, InvoiceVoided
from tandem.billing.invoices.models import Invoice
from tandem.billing.invoices.queries import invoice, invoice_lines, invoiced_totals, invoices_issued, numbering

__all__ = [
    "Invoice",
    "InvoiceIssued",
    "InvoiceLine",
    "InvoiceLinesWrong",
    "InvoiceOverpaid",
    "InvoicePaid",
    "InvoiceVoided",
    "Period",
    "draft_invoice",
    "invoice",
    "invoice_lines",
    "invoiced_totals",
    "invoices_issued",
    "issue_draft",
    "issue_invoice",
    "numbering",
    "record_invoice_payment",
    "void_invoice",
]

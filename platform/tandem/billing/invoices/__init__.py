"""Invoices to enterprises and hospitals: counts and sums, never people; numbered without a gap at issue. 账单

Lines carry exact quantities and a tax rule's version; what was issued is taken back by a credit note, never edited.
"""

from tandem.billing.invoices.commands import (
    ChargebackNews,
    OwedBack,
    Payable,
    book_draws,
    buyer_now,
    credit_invoice,
    draft_invoice,
    fold_chargeback,
    issue_draft,
    issue_invoice,
    owed_back,
    owed_of_closing,
    payable_invoice,
    rate_draft,
    record_invoice_payment,
    seller_on,
    void_invoice,
    write_drafts,
)
from tandem.billing.invoices.drafts import Buyer, InvoiceDraft, InvoiceLine, LineCredit, Period
from tandem.billing.invoices.errors import (
    InvoiceLinesWrong,
    InvoiceNotOpen,
    InvoiceOverpaid,
    InvoicePaymentKeyReused,
)
from tandem.billing.invoices.events import (
    CreditNoteIssued,
    InvoiceIssued,
    InvoicePaymentRecorded,
    InvoiceSettled,
    InvoiceVoided,
)
from tandem.billing.invoices.models import Invoice, InvoiceChargeback, InvoicePayment
from tandem.billing.invoices.postings import CREDIT_KINDS, ISSUE_KINDS, OWED_BY_EMPLOYER
from tandem.billing.invoices.queries import (
    credited_parts_by_line,
    hold_fapiao,
    invoice,
    invoice_for_update,
    invoice_lines,
    invoice_taxes,
    invoices_issued,
    numbering,
)
from tandem.billing.invoices.suppression import CELL_MIN, may_be_told

__all__ = [
    "CELL_MIN",
    "CREDIT_KINDS",
    "ISSUE_KINDS",
    "OWED_BY_EMPLOYER",
    "Buyer",
    "ChargebackNews",
    "CreditNoteIssued",
    "Invoice",
    "InvoiceChargeback",
    "InvoiceDraft",
    "InvoiceIssued",
    "InvoiceLine",
    "InvoiceLinesWrong",
    "InvoiceNotOpen",
    "InvoiceOverpaid",
    "InvoicePayment",
    "InvoicePaymentKeyReused",
    "InvoicePaymentRecorded",
    "InvoiceSettled",
    "InvoiceVoided",
    "LineCredit",
    "OwedBack",
    "Payable",
    "Period",
    "book_draws",
    "buyer_now",
    "credit_invoice",
    "credited_parts_by_line",
    "draft_invoice",
    "fold_chargeback",
    "hold_fapiao",
    "invoice",
    "invoice_for_update",
    "invoice_lines",
    "invoice_taxes",
    "invoices_issued",
    "issue_draft",
    "issue_invoice",
    "may_be_told",
    "numbering",
    "owed_back",
    "owed_of_closing",
    "payable_invoice",
    "rate_draft",
    "record_invoice_payment",
    "seller_on",
    "void_invoice",
    "write_drafts",
]

"""What is decided about invoices: drafting, issuing, voiding, crediting, paying, and what the books say of it."""

from tandem.billing.invoices.commands.booking import book_credit_note, book_invoice, book_invoice_payment, book_void
from tandem.billing.invoices.commands.charging_back import ChargebackNews, fold_chargeback
from tandem.billing.invoices.commands.crediting import credit_invoice
from tandem.billing.invoices.commands.disputing import dispute_invoice, resolve_dispute
from tandem.billing.invoices.commands.drafting import draft_invoice, write_drafts
from tandem.billing.invoices.commands.issuing import issue_draft, issue_invoice, rate_draft, void_invoice
from tandem.billing.invoices.commands.parking import park_customer, release_customer
from tandem.billing.invoices.commands.parties import add_seller_profile, add_tax_rule, buyer_now, seller_on
from tandem.billing.invoices.commands.paying import (
    OwedBack,
    Payable,
    owed_back,
    owed_of_closing,
    payable_invoice,
    record_invoice_payment,
)
from tandem.billing.invoices.commands.prepayments import book_draws, book_roll_over, decide_closing, propose_closing
from tandem.billing.invoices.commands.runs import AT_MOST, draft_from_rating, issue_waiting

__all__ = [
    "AT_MOST",
    "ChargebackNews",
    "OwedBack",
    "Payable",
    "add_seller_profile",
    "add_tax_rule",
    "book_credit_note",
    "book_draws",
    "book_invoice",
    "book_invoice_payment",
    "book_roll_over",
    "book_void",
    "buyer_now",
    "credit_invoice",
    "decide_closing",
    "dispute_invoice",
    "draft_from_rating",
    "draft_invoice",
    "fold_chargeback",
    "issue_draft",
    "issue_invoice",
    "issue_waiting",
    "owed_back",
    "owed_of_closing",
    "park_customer",
    "payable_invoice",
    "propose_closing",
    "rate_draft",
    "record_invoice_payment",
    "release_customer",
    "resolve_dispute",
    "seller_on",
    "void_invoice",
    "write_drafts",
]

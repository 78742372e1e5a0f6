"""What workers do about payments. Everything here speaks to somebody outside, so nothing here holds a transaction
open while it does: read and commit, call, write what came back and commit. Each job may be killed anywhere and run
again: what is asked carries our row's id as its key, and what comes back is folded.
"""

from tandem.billing.payments.jobs.asking import (
    consume_benefit,
    give_up_payment,
    open_account_of_live_hospital,
    open_provider_account,
    send_refund,
    take_payment,
)
from tandem.billing.payments.jobs.folding import fold_event
from tandem.billing.payments.jobs.invoice_payments import sweep_invoice_payments, take_invoice_payment
from tandem.billing.payments.jobs.operators_account import read_operators_account
from tandem.billing.payments.jobs.reading import fetch_provider_facts, read_provider
from tandem.billing.payments.jobs.repayments import book_repayment, send_repayment, sweep_repayments
from tandem.billing.payments.jobs.sweeping import sweep_payments

__all__ = [
    "book_repayment",
    "consume_benefit",
    "fetch_provider_facts",
    "fold_event",
    "give_up_payment",
    "open_account_of_live_hospital",
    "open_provider_account",
    "read_operators_account",
    "read_provider",
    "send_refund",
    "send_repayment",
    "sweep_invoice_payments",
    "sweep_payments",
    "sweep_repayments",
    "take_invoice_payment",
    "take_payment",
]

"""Decisions about payments, one function each."""

from tandem.billing.payments.commands.accounts import advance_reading, connect_account, register_account
from tandem.billing.payments.commands.bearers import record_bearer_payment
from tandem.billing.payments.commands.chargebacks import fold_invoice_dispute
from tandem.billing.payments.commands.compose import compose_payout
from tandem.billing.payments.commands.fold import fold_dispute, fold_intent, fold_payout, fold_refund
from tandem.billing.payments.commands.inbox import mark_folded, owner_of, read_webhook, receive_event, store_event
from tandem.billing.payments.commands.invoice_payments import (
    InvoiceWish,
    begin_invoice_payment,
    book_operators_fee,
    end_invoice_payment,
    fold_invoice_intent,
    is_recorded,
    note_operators_fee,
    pay_invoice,
)
from tandem.billing.payments.commands.movements import fold_movement, suspend_movement
from tandem.billing.payments.commands.parking import park_fact, release_fact
from tandem.billing.payments.commands.pay import (
    KEY_LASTS,
    Wish,
    begin_payment,
    cancel_payment,
    complete_payment,
    create_payment,
    fail_payment,
    is_over,
    succeed_by_benefit,
)
from tandem.billing.payments.commands.refund import (
    RefundWish,
    begin_refund,
    fail_refund,
    refund_payment,
    succeed_benefit_refund,
)
from tandem.billing.payments.commands.repayments import (
    Payee,
    RepaymentWish,
    approve_repayment,
    begin_refund_of_invoice,
    book_transfer,
    end_repayment,
    fold_repayment,
    propose_repayment,
    record_transfer,
    refuse_repayment,
)
from tandem.billing.payments.commands.waive import approve_waiver, refuse_waiver, take_back_waiver, waive

__all__ = [
    "KEY_LASTS",
    "InvoiceWish",
    "Payee",
    "RefundWish",
    "RepaymentWish",
    "Wish",
    "advance_reading",
    "approve_repayment",
    "approve_waiver",
    "begin_invoice_payment",
    "begin_payment",
    "begin_refund",
    "begin_refund_of_invoice",
    "book_operators_fee",
    "book_transfer",
    "cancel_payment",
    "complete_payment",
    "compose_payout",
    "connect_account",
    "create_payment",
    "end_invoice_payment",
    "end_repayment",
    "fail_payment",
    "fail_refund",
    "fold_dispute",
    "fold_intent",
    "fold_invoice_dispute",
    "fold_invoice_intent",
    "fold_movement",
    "fold_payout",
    "fold_refund",
    "fold_repayment",
    "is_over",
    "is_recorded",
    "mark_folded",
    "note_operators_fee",
    "owner_of",
    "park_fact",
    "pay_invoice",
    "propose_repayment",
    "read_webhook",
    "receive_event",
    "record_bearer_payment",
    "record_transfer",
    "refund_payment",
    "refuse_repayment",
    "refuse_waiver",
    "register_account",
    "release_fact",
    "store_event",
    "succeed_benefit_refund",
    "succeed_by_benefit",
    "suspend_movement",
    "take_back_waiver",
    "waive",
]

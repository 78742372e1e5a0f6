"""Decisions about payments, one function each."""

from tandem.billing.payments.commands.accounts import advance_reading, connect_account, register_account
from tandem.billing.payments.commands.fold import fold_dispute, fold_intent, fold_payout, fold_refund
from tandem.billing.payments.commands.inbox import mark_folded, owner_of, read_webhook, store_event
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

__all__ = [
    "KEY_LASTS",
    "RefundWish",
    "Wish",
    "advance_reading",
    "begin_payment",
    "begin_refund",
    "cancel_payment",
    "complete_payment",
    "connect_account",
    "create_payment",
    "fail_payment",
    "fail_refund",
    "fold_dispute",
    "fold_intent",
    "fold_movement",
    "fold_payout",
    "fold_refund",
    "is_over",
    "mark_folded",
    "owner_of",
    "park_fact",
    "read_webhook",
    "refund_payment",
    "register_account",
    "release_fact",
    "store_event",
    "succeed_benefit_refund",
    "succeed_by_benefit",
    "suspend_movement",
]

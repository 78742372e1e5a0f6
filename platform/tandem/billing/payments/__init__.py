"""Payments: from an order to money at the provider, and back; and what the provider says of the hospital's account.

Every hospital is paid directly, on its own connected account: a patient's money never touches the operator's. What
the provider tells is stored, then worked; what it does not tell is fetched. 支付
"""

from tandem.billing.payments.commands import (
    cancel_payment,
    complete_payment,
    connect_account,
    create_payment,
    pay_invoice,
    record_transfer,
    refund_payment,
    waive,
)
from tandem.billing.payments.errors import (
    AlreadyBeingPaid,
    BenefitRefundedWhole,
    InvoiceBeingPaid,
    PaymentNotSucceeded,
    RefundExceedsPayment,
    RefundKeyReused,
)
from tandem.billing.payments.events import (
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
)
from tandem.billing.payments.jobs import fetch_provider_facts
from tandem.billing.payments.models import BalanceTransaction, Dispute, Payment, Payout, PayoutPart, Refund, Waiver
from tandem.billing.payments.queries import (
    account_of_hospital,
    dispute,
    movement_sums,
    payment,
    payment_for_order,
    payment_of_payer,
    read_until,
    refund,
)
from tandem.billing.payments.queries.repayments import transfers_due, transfers_named

__all__ = [
    "AlreadyBeingPaid",
    "BalanceTransaction",
    "BenefitRefundedWhole",
    "Dispute",
    "DisputeClosed",
    "DisputeOpened",
    "InvoiceBeingPaid",
    "Payment",
    "PaymentFailed",
    "PaymentNotSucceeded",
    "PaymentSucceeded",
    "Payout",
    "PayoutPart",
    "Refund",
    "RefundExceedsPayment",
    "RefundFailed",
    "RefundKeyReused",
    "RefundSucceeded",
    "Waiver",
    "account_of_hospital",
    "cancel_payment",
    "complete_payment",
    "connect_account",
    "create_payment",
    "dispute",
    "fetch_provider_facts",
    "movement_sums",
    "pay_invoice",
    "payment",
    "payment_for_order",
    "payment_of_payer",
    "read_until",
    "record_transfer",
    "refund",
    "refund_payment",
    "transfers_due",
    "transfers_named",
    "waive",
]

"""Tables of payments: what our side wished for, and what the provider tells."""

from tandem.billing.payments.models.invoice_intents import INVOICE_METHODS, InvoiceIntent
from tandem.billing.payments.models.payments import (
    METHODS,
    PAYMENT_NEXT,
    REFUND_NEXT,
    WAITING,
    Payer,
    Payment,
    Refund,
)
from tandem.billing.payments.models.provider import (
    DISPUTE_NEXT,
    PAYOUT_NEXT,
    PROVIDER_EVENT_NEXT,
    BalanceTransaction,
    Dispute,
    ParkedFact,
    Payout,
    PayoutPart,
    ProviderAccount,
    ProviderEvent,
    ProviderEventBody,
    ProviderReading,
)
from tandem.billing.payments.models.repayments import REPAYMENT_METHODS, REPAYMENT_NEXT, Repayment
from tandem.billing.payments.models.welfare import ALONE_UP_TO_MINOR, BEARERS, WAIVER_NEXT, Waiver, WaiverReceipt

__all__ = [
    "ALONE_UP_TO_MINOR",
    "BEARERS",
    "DISPUTE_NEXT",
    "INVOICE_METHODS",
    "METHODS",
    "PAYMENT_NEXT",
    "PAYOUT_NEXT",
    "PROVIDER_EVENT_NEXT",
    "REFUND_NEXT",
    "REPAYMENT_METHODS",
    "REPAYMENT_NEXT",
    "WAITING",
    "WAIVER_NEXT",
    "BalanceTransaction",
    "Dispute",
    "InvoiceIntent",
    "ParkedFact",
    "Payer",
    "Payment",
    "Payout",
    "PayoutPart",
    "ProviderAccount",
    "ProviderEvent",
    "ProviderEventBody",
    "ProviderReading",
    "Refund",
    "Repayment",
    "Waiver",
    "WaiverReceipt",
]

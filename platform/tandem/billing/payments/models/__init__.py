"""Tables of payments: what our side wished for, and what the provider tells."""

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
    ProviderAccount,
    ProviderEvent,
    ProviderEventBody,
    ProviderReading,
)

__all__ = [
    "DISPUTE_NEXT",
    "METHODS",
    "PAYMENT_NEXT",
    "PAYOUT_NEXT",
    "PROVIDER_EVENT_NEXT",
    "REFUND_NEXT",
    "WAITING",
    "BalanceTransaction",
    "Dispute",
    "ParkedFact",
    "Payer",
    "Payment",
    "Payout",
    "ProviderAccount",
    "ProviderEvent",
    "ProviderEventBody",
    "ProviderReading",
    "Refund",
]

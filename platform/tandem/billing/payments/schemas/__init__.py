"""Shapes of payments over HTTP."""

from tandem.billing.payments.schemas.invoice_payments import InvoiceIntentSchema, InvoiceIntentWishSchema
from tandem.billing.payments.schemas.payments import (
    DisputeSchema,
    PayerPaymentSchema,
    PaymentSchema,
    PaymentsQuery,
    RefundSchema,
    RefundWishSchema,
)
from tandem.billing.payments.schemas.provider import (
    ParkedFactSchema,
    PayoutPartSchema,
    PayoutSchema,
    ProviderEventSchema,
    ReceivedSchema,
)
from tandem.billing.payments.schemas.repayments import (
    PayeeSchema,
    RepaymentSchema,
    RepaymentWishSchema,
    TransferMadeSchema,
)
from tandem.billing.payments.schemas.waivers import (
    WaiverReasonSchema,
    WaiverReceiptSchema,
    WaiverReceiptWishSchema,
    WaiverSchema,
    WaiversQuery,
    WaiverWishSchema,
)

__all__ = [
    "DisputeSchema",
    "InvoiceIntentSchema",
    "InvoiceIntentWishSchema",
    "ParkedFactSchema",
    "PayeeSchema",
    "PayerPaymentSchema",
    "PaymentSchema",
    "PaymentsQuery",
    "PayoutPartSchema",
    "PayoutSchema",
    "ProviderEventSchema",
    "ReceivedSchema",
    "RefundSchema",
    "RefundWishSchema",
    "RepaymentSchema",
    "RepaymentWishSchema",
    "TransferMadeSchema",
    "WaiverReasonSchema",
    "WaiverReceiptSchema",
    "WaiverReceiptWishSchema",
    "WaiverSchema",
    "WaiverWishSchema",
    "WaiversQuery",
]

"""Tables of invoices: what is owed and paid, taxes and numbers; prepayments' ends, chargebacks. 账单"""

from tandem.billing.invoices.models.chargebacks import CHARGEBACK_NEXT, InvoiceChargeback
from tandem.billing.invoices.models.invoices import (
    CUSTOMER_KINDS,
    KINDS,
    LINE_KINDS,
    METHODS,
    NEXT,
    PARK_NEXT,
    TAX_ROUNDINGS,
    TREATMENTS,
    BillingPark,
    Invoice,
    InvoiceLineRow,
    InvoiceOrigin,
    InvoicePayment,
    InvoiceTax,
    NumberSeries,
    SellerProfile,
    TaxRule,
)
from tandem.billing.invoices.models.prepayments import CLOSING_NEXT, POLICIES, PrepaymentClosing

__all__ = [
    "CHARGEBACK_NEXT",
    "CLOSING_NEXT",
    "CUSTOMER_KINDS",
    "KINDS",
    "LINE_KINDS",
    "METHODS",
    "NEXT",
    "PARK_NEXT",
    "POLICIES",
    "TAX_ROUNDINGS",
    "TREATMENTS",
    "BillingPark",
    "Invoice",
    "InvoiceChargeback",
    "InvoiceLineRow",
    "InvoiceOrigin",
    "InvoicePayment",
    "InvoiceTax",
    "NumberSeries",
    "PrepaymentClosing",
    "SellerProfile",
    "TaxRule",
]

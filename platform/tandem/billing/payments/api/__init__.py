"""Payments over HTTP: payments and waivers, invoices paid online, what is given back, and the provider's webhooks."""

from typing import Final

from tandem.billing.payments.api import invoice_payments, payments, repayments, waivers, webhooks

APIS: Final = [*payments.APIS, *waivers.APIS, *invoice_payments.APIS, *webhooks.APIS, *repayments.APIS]

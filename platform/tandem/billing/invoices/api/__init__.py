"""Billing over HTTP: invoices and their rules, and what programmes leave of their prepayments."""

from typing import Final

from tandem.billing.invoices.api import invoices, prepayments

APIS: Final = [*invoices.APIS, *prepayments.APIS]

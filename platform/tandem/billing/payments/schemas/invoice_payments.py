"""Invoices paid online, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.payments.models import INVOICE_METHODS, PAYMENT_NEXT
from tandem.kernel.http import MoneyField, Schema


class InvoiceIntentWishSchema(Schema):
    """How to pay what is open of an invoice."""

    method = fields.String(required=True, validate=rules.OneOf(INVOICE_METHODS))
    payment_method = fields.String(load_default=None, allow_none=True, validate=rules.Regexp(r"[A-Za-z0-9_]{1,255}\Z"))
    return_url = fields.Url(load_default=None, allow_none=True, schemes={"http", "https"}, require_tld=False)


class InvoiceIntentSchema(Schema):
    """An attempt to pay an invoice, with the next step: an address to open, or a secret for the provider's client."""

    id = fields.UUID(required=True)
    invoice_id = fields.UUID(required=True)
    method = fields.String(required=True, validate=rules.OneOf(INVOICE_METHODS))
    amount = MoneyField(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(PAYMENT_NEXT)))
    failure_code = fields.String(allow_none=True)
    next_action = fields.String(allow_none=True)
    client_secret = fields.String(allow_none=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    succeeded_at = fields.DateTime(allow_none=True)

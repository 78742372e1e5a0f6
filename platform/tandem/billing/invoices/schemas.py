"""Invoices, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.billing.invoices.models import NEXT
from tandem.kernel.http import MoneyField, Schema
from tandem.kernel.http.schemas import BIGINT_MAX
from tandem.kernel.money import CURRENCIES

_COUNT = rules.Range(1, 1_000_000)
_SUM = rules.Range(0, BIGINT_MAX // 1_000_000)


class InvoiceLineSchema(Schema):
    """One line: counts only, it names nobody."""

    code = fields.String(required=True, validate=rules.Regexp(r"[a-z0-9_.-]{1,60}\Z"))
    text = fields.String(required=True, validate=rules.Length(1, 200))
    quantity = fields.Integer(required=True, strict=True, validate=_COUNT)
    unit_price_minor = fields.Integer(required=True, strict=True, validate=_SUM)
    amount_minor = fields.Integer(required=True, strict=True, validate=rules.Range(0, BIGINT_MAX))


class InvoiceWishSchema(Schema):
    """An invoice to be written."""

    series = fields.String(required=True, validate=rules.Regexp(r"[A-Z0-9-]{1,20}\Z"))
    first_day = business_day(required=True)
    last_day = business_day(required=True)
    due_on = business_day(required=True)
    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))
    programme_id = fields.UUID(load_default=None, allow_none=True)
    contract_id = fields.UUID(load_default=None, allow_none=True)
    lines = fields.List(fields.Nested(InvoiceLineSchema), required=True, validate=rules.Length(1, 100))


class InvoiceSchema(Schema):
    """An invoice. `number` is empty while it is a draft."""

    id = fields.UUID(required=True)
    series = fields.String(required=True)
    number = fields.Integer(allow_none=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(NEXT)))
    customer_id = fields.UUID(required=True)
    programme_id = fields.UUID(allow_none=True)
    contract_id = fields.UUID(allow_none=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    due_on = fields.Date(required=True)
    total = MoneyField(prefix="total", required=True)
    paid = MoneyField(prefix="paid", required=True)
    created_at = fields.DateTime(required=True)
    issued_at = fields.DateTime(allow_none=True)
    paid_at = fields.DateTime(allow_none=True)
    voided_at = fields.DateTime(allow_none=True)


class WholeInvoiceSchema(InvoiceSchema):
    """An invoice with its lines."""

    lines = fields.List(fields.Nested(InvoiceLineSchema), required=True)


class InvoicePaymentWishSchema(Schema):
    """Money that arrived at the bank."""

    amount = MoneyField(required=True, positive=True)
    paid_on = business_day(required=True)
    reference = fields.String(required=True, validate=rules.Length(1, 80))


class InvoicePaymentSchema(Schema):
    """A recorded payment of an invoice."""

    id = fields.UUID(required=True)
    invoice_id = fields.UUID(required=True)
    amount = MoneyField(required=True)
    paid_on = fields.Date(required=True)
    reference = fields.String(required=True)
    recorded_at = fields.DateTime(required=True)


class VoidingWishSchema(Schema):
    """Why an invoice is withdrawn."""

    because = fields.String(required=True, validate=rules.Length(1, 200))

"""Fapiao and medical receipts, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import past_business_day
from tandem.billing.fapiao.models import COLOURS, FORMS, NEXT
from tandem.kernel.http import MoneyField, PageQuery, Schema
from tandem.kernel.http.schemas import BIGINT_MAX

_HASH = rules.Regexp(r"[0-9a-f]{64}\Z")
_NUMBER = rules.Regexp(r"[0-9A-Za-z-]{1,40}\Z")


class FapiaoPartSchema(Schema):
    """How much of one line of the invoice, tax included."""

    line_no = fields.Integer(required=True, strict=True, validate=rules.Range(1, 10_000))
    total_minor = fields.Integer(required=True, strict=True, validate=rules.Range(1, BIGINT_MAX))


class FapiaoWishSchema(Schema):
    """A fapiao to be asked for; without lines, of all that has none yet. With a special one the tax is deducted."""

    form = fields.String(load_default="general", validate=rules.OneOf(FORMS))
    lines = fields.List(
        fields.Nested(FapiaoPartSchema), load_default=None, allow_none=True, validate=rules.Length(1, 100)
    )


class FapiaoQuery(PageQuery):
    """Fapiao in one state: `pending`, `requested` and `confirmed` are the tax clerk's work."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(NEXT)))


class FapiaoSchema(Schema):
    """A fapiao or, with `reverses_id`, a red letter; sums of both are positive."""

    id = fields.UUID(required=True)
    organization_id = fields.UUID(required=True, attribute="tenant_id")
    invoice_id = fields.UUID(required=True)
    reverses_id = fields.UUID(allow_none=True)
    colour = fields.String(required=True, validate=rules.OneOf(COLOURS))
    form = fields.String(required=True, validate=rules.OneOf(FORMS))
    status = fields.String(required=True, validate=rules.OneOf(sorted(NEXT)))
    because = fields.String(allow_none=True)
    net = MoneyField(prefix="net", required=True)
    tax = MoneyField(prefix="tax", required=True)
    total = MoneyField(prefix="total", required=True)
    requested_at = fields.DateTime(required=True)
    confirmed_at = fields.DateTime(allow_none=True)
    issued_on = fields.Date(allow_none=True)
    code = fields.String(allow_none=True)
    number = fields.String(allow_none=True)
    file_sha256 = fields.String(allow_none=True)
    rejection = fields.String(allow_none=True)


class FapiaoLineSchema(Schema):
    """One line: a part of a line of the invoice."""

    line_no = fields.Integer(required=True)
    invoice_line_no = fields.Integer(required=True)
    text = fields.String(required=True)
    tax_category = fields.String(required=True)
    net_minor = fields.Integer(required=True)
    tax_minor = fields.Integer(required=True)


class WholeFapiaoSchema(FapiaoSchema):
    """A fapiao with its lines."""

    lines = fields.List(fields.Nested(FapiaoLineSchema), required=True)


class FapiaoResultSchema(Schema):
    """What came back: the fapiao's number (and code, where it has one) and the hash of its file."""

    code = fields.String(load_default=None, allow_none=True, validate=_NUMBER)
    number = fields.String(required=True, validate=_NUMBER)
    file_sha256 = fields.String(required=True, validate=_HASH)
    issued_on = past_business_day(required=True)


class FapiaoReasonSchema(Schema):
    """Why."""

    because = fields.String(required=True, validate=rules.Length(1, 200))


class MedicalReceiptSchema(Schema):
    """Number and hash of a receipt that a hospital gave its patient; nothing else of it."""

    id = fields.UUID(dump_only=True)
    payment_id = fields.UUID(required=True)
    number = fields.String(required=True, validate=_NUMBER)
    file_sha256 = fields.String(required=True, validate=_HASH)
    issued_on = past_business_day(required=True)
    recorded_at = fields.DateTime(dump_only=True)

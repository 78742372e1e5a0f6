"""Usage, on the wire."""

from marshmallow import fields

from tandem.kernel.http import MoneyField, PageQuery, Schema


class UsageQuery(PageQuery):
    """Uses of a half-open time."""

    since = fields.AwareDateTime(load_default=None)
    until = fields.AwareDateTime(load_default=None)


class UsageEventSchema(Schema):
    """One use: what was delivered, when, how much, and what it was sold for. It names no patient."""

    id = fields.UUID(required=True)
    meter = fields.String(required=True)
    source_type = fields.String(required=True)
    source_id = fields.UUID(required=True)
    at = fields.DateTime(required=True)
    received_at = fields.DateTime(required=True)
    quantity = fields.Decimal(as_string=True, required=True, metadata={"type": "string"})
    amount = MoneyField(required=True)
    service_id = fields.UUID(allow_none=True)
    payment_id = fields.UUID(allow_none=True)
    programme_id = fields.UUID(allow_none=True)
    voids_id = fields.UUID(allow_none=True)

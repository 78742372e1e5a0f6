"""Waivers and what their bearers paid, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import past_business_day
from tandem.billing.payments.models import BEARERS, WAIVER_NEXT
from tandem.kernel.http import MoneyField, PageQuery, Schema


class WaiverWishSchema(Schema):
    """How much of an order's price its patient shall not pay, who bears it, and why."""

    order_type = fields.String(required=True, validate=rules.Regexp(r"[a-z0-9_]{1,40}\Z"))
    order_id = fields.UUID(required=True)
    amount = MoneyField(required=True, positive=True)
    bearer = fields.String(required=True, validate=rules.OneOf(BEARERS))
    bearer_name = fields.String(load_default=None, allow_none=True, validate=rules.Length(1, 200))
    reason = fields.String(required=True, validate=rules.Regexp(r"[a-z0-9-]{1,40}\Z"))


class WaiverReasonSchema(Schema):
    """Why a waiver is refused or taken back."""

    because = fields.String(required=True, validate=rules.Length(1, 500))


class WaiversQuery(PageQuery):
    """Waivers in one state."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(WAIVER_NEXT)))


class WaiverSchema(Schema):
    """A waiver. `needs_second`: it is above what one person may decide."""

    id = fields.UUID(required=True)
    order_type = fields.String(required=True)
    order_id = fields.UUID(required=True)
    amount = MoneyField(required=True)
    bearer = fields.String(required=True, validate=rules.OneOf(BEARERS))
    bearer_name = fields.String(allow_none=True)
    reason = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(WAIVER_NEXT)))
    needs_second = fields.Boolean(required=True)
    proposed_by = fields.UUID(required=True)
    proposed_at = fields.DateTime(required=True)
    decided_by = fields.UUID(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)


class WaiverReceiptWishSchema(Schema):
    """What a charity or an insurer paid of what it bears."""

    amount = MoneyField(required=True, positive=True)
    received_on = past_business_day(required=True)
    reference = fields.String(required=True, validate=rules.Length(1, 80))


class WaiverReceiptSchema(WaiverReceiptWishSchema):
    """A recorded payment of a waiver's bearer."""

    id = fields.UUID(required=True)
    waiver_id = fields.UUID(required=True)
    recorded_at = fields.DateTime(required=True)

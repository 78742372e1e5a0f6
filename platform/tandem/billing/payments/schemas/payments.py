"""Payments, refunds and disputes, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.payments.models import PAYMENT_NEXT
from tandem.kernel.http import MoneyField, PageQuery, Schema


class PaymentSchema(Schema):
    """A payment: sums and states, no payer."""

    id = fields.UUID(required=True)
    order_type = fields.String(required=True)
    order_id = fields.UUID(required=True)
    method = fields.String(required=True)
    amount = MoneyField(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(PAYMENT_NEXT)))
    failure_code = fields.String(allow_none=True)
    fee = MoneyField(prefix="fee", allow_none=True)
    refunded = MoneyField(prefix="refunded", required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(allow_none=True)
    succeeded_at = fields.DateTime(allow_none=True)
    completed_at = fields.DateTime(allow_none=True)


class PayerPaymentSchema(Schema):
    """A payment as its payer sees it, with the next step: an address to open, or a secret for the provider's client."""

    id = fields.UUID(required=True)
    order_type = fields.String(required=True)
    order_id = fields.UUID(required=True)
    method = fields.String(required=True)
    amount = MoneyField(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(PAYMENT_NEXT)))
    failure_code = fields.String(allow_none=True)
    next_action = fields.String(allow_none=True)
    client_secret = fields.String(allow_none=True)
    refunded = MoneyField(prefix="refunded", required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(allow_none=True)
    succeeded_at = fields.DateTime(allow_none=True)


class PaymentsQuery(PageQuery):
    """Payments in one state, or made in a half-open time."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(PAYMENT_NEXT)))
    since = fields.AwareDateTime(load_default=None)
    until = fields.AwareDateTime(load_default=None)


class RefundWishSchema(Schema):
    """How much to give back, and why."""

    amount = MoneyField(required=True, positive=True)
    reason = fields.String(required=True, validate=rules.Regexp(r"[a-z0-9-]{1,40}\Z"))


class RefundSchema(Schema):
    """A refund."""

    id = fields.UUID(required=True)
    payment_id = fields.UUID(required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    status = fields.String(required=True)
    failure_code = fields.String(allow_none=True)
    created_at = fields.DateTime(required=True)
    succeeded_at = fields.DateTime(allow_none=True)


class DisputeSchema(Schema):
    """A dispute."""

    id = fields.UUID(required=True)
    payment_id = fields.UUID(allow_none=True)
    amount = MoneyField(required=True)
    fee = MoneyField(prefix="fee", required=True)
    reason = fields.String(required=True)
    status = fields.String(required=True)
    opened_at = fields.DateTime(required=True)
    closed_at = fields.DateTime(allow_none=True)

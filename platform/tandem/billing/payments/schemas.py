"""Payments and what belongs to them, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import past_business_day
from tandem.billing.payments.models import BEARERS, INVOICE_METHODS, PAYMENT_NEXT, WAIVER_NEXT
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


class PayoutSchema(Schema):
    """A payout."""

    id = fields.UUID(required=True)
    amount = MoneyField(required=True)
    status = fields.String(required=True)
    failure_code = fields.String(allow_none=True)
    sent_at = fields.DateTime(required=True)
    arrives_at = fields.DateTime(required=True)
    is_automatic = fields.Boolean(required=True)
    composition = fields.String(required=True, validate=rules.OneOf(["unknown", "told", "assumed"]))
    unallocated_minor = fields.Integer(required=True)


class PayoutPartSchema(Schema):
    """One movement's share in a payout; `is_assumed`: the oldest money first, because the provider does not say."""

    id = fields.UUID(required=True)
    movement_id = fields.String(required=True, attribute="provider_id")
    kind = fields.String(required=True)
    source_id = fields.String(allow_none=True)
    amount = MoneyField(required=True)
    is_assumed = fields.Boolean(required=True)
    created_at = fields.DateTime(required=True, attribute="provider_created_at")


class ProviderEventSchema(Schema):
    """An event of the provider that needs a look."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    provider_event_id = fields.String(required=True)
    provider_account_id = fields.String(allow_none=True)
    kind = fields.String(required=True)
    object_id = fields.String(allow_none=True)
    status = fields.String(required=True)
    received_at = fields.DateTime(required=True)


class ParkedFactSchema(Schema):
    """A fact of the provider that cannot be booked; `currency` is as the provider writes it."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    object_kind = fields.String(required=True)
    object_id = fields.String(required=True)
    reason = fields.String(required=True)
    amount_minor = fields.Integer(allow_none=True)
    currency = fields.String(allow_none=True)
    attempts = fields.Integer(required=True)
    first_seen_at = fields.DateTime(required=True)
    last_tried_at = fields.DateTime(required=True)


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


class ReceivedSchema(Schema):
    """What a webhook is told."""

    received = fields.Boolean(required=True)

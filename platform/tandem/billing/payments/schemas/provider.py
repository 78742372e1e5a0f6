"""What the provider sends and says, on the wire: payouts, events, facts."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.kernel.http import MoneyField, Schema


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


class ReceivedSchema(Schema):
    """What a webhook is told."""

    received = fields.Boolean(required=True)

"""Price ceilings and the guard's limits, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.billing.prices.models import GUARD_LIMITS
from tandem.kernel.http import MoneyField, Schema

_WORD = rules.Length(1, 80)


class PriceCeilingWishSchema(Schema):
    """What a public circular allows."""

    region = fields.String(required=True, validate=_WORD)
    grade = fields.String(required=True, validate=_WORD)
    item = fields.String(required=True, validate=_WORD)
    ceiling = MoneyField(required=True)
    effective_from = business_day(required=True)
    effective_to = business_day(load_default=None, allow_none=True)
    circular = fields.String(required=True, validate=rules.Length(1, 200))

    @validates_schema
    def _days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        until = data["effective_to"]
        if until is not None and until <= data["effective_from"]:
            raise ValidationError({"effective_to": [f"Must be greater than {data['effective_from']}."]})


class PriceCeilingSchema(Schema):
    """A ceiling and the circular that sets it."""

    id = fields.UUID(required=True)
    region = fields.String(required=True)
    grade = fields.String(required=True)
    item = fields.String(required=True)
    ceiling = MoneyField(prefix="ceiling", required=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(allow_none=True)
    circular = fields.String(required=True)


class GuardLimitWishSchema(Schema):
    """Another limit for the guard on runaway bills. `value`: minor units, days, lines or times, as the name says."""

    name = fields.String(required=True, validate=rules.OneOf(GUARD_LIMITS))
    value = fields.Integer(required=True, strict=True, validate=rules.Range(1, 10**12))
    effective_from = business_day(required=True)
    because = fields.String(required=True, validate=rules.Length(1, 200))


class GuardLimitProposalSchema(GuardLimitWishSchema):
    """A limit that waits for a second person, or has found one."""

    id = fields.UUID(required=True)
    proposed_by = fields.UUID(required=True)
    proposed_at = fields.DateTime(required=True)


class GuardLimitSchema(GuardLimitWishSchema):
    """A limit from a day on. The first values, which nobody proposed, name nobody."""

    proposed_by = fields.UUID(allow_none=True)
    approved_by = fields.UUID(allow_none=True)
    approved_at = fields.DateTime(required=True)

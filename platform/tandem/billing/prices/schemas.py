"""Price ceilings, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow import validate as rules

from tandem.billing.days import business_day
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

"""Price ceilings, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.kernel.http import MoneyField, Schema

_WORD = rules.Length(1, 80)


class PriceCeilingWishSchema(Schema):
    """What a public circular allows."""

    region = fields.String(required=True, validate=_WORD)
    grade = fields.String(required=True, validate=_WORD)
    item = fields.String(required=True, validate=_WORD)
    ceiling = MoneyField(required=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(load_default=None, allow_none=True)
    circular = fields.String(required=True, validate=rules.Length(1, 200))


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

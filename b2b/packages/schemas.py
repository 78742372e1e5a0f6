"""Packages on the wire."""

from typing import Final

from marshmallow import ValidationError, fields, validate

from tandem.kernel.http import MoneyField, Schema
from tandem.kernel.money import Money

PRICE_MAX_MINOR: Final = 10**9


def _is_a_price(price: Money) -> None:
    # What a contract's heads add up to must fit the books.
    if price.amount_minor > PRICE_MAX_MINOR:
        raise ValidationError({"amount_minor": [f"Must be less than or equal to {PRICE_MAX_MINOR}."]})


class PackageSchema(Schema):
    """A package of the catalogue."""

    id = fields.UUID(dump_only=True)
    code = fields.String(required=True, validate=validate.Regexp(r"^[a-z0-9-]{2,40}$"))
    name_zh = fields.String(required=True, validate=validate.Length(1, 80))
    name_en = fields.String(required=True, validate=validate.Length(1, 80))
    units_per_member = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000))
    price_per_member = MoneyField(required=True, prefix="price_per_member", validate=_is_a_price)
    valid_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 3_660))
    status = fields.String(dump_only=True)
    created_at = fields.DateTime(dump_only=True)


class PackageStatusSchema(Schema):
    """Where the package goes next."""

    status = fields.String(required=True, validate=validate.OneOf(["on_sale", "retired"]))

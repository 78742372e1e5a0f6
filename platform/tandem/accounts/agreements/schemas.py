"""What is said about agreements over HTTP. Percents are decimal text ("12.5" is 12.5 %), never a float."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from tandem.accounts.fields import moment
from tandem.kernel.http import MoneyField, Schema
from tandem.kernel.money import Money

_AMOUNTS = ("per_visit", "monthly", "cap_per_visit", "cap_per_programme", "traffic_per_visit")


class PercentField(fields.Decimal):
    """A percent as decimal text, without idle zeros, whether it comes from a request or from a row."""

    def __init__(self, **options: Any) -> None:
        words = {"type": "string", "example": "12.5", "description": "Percent, up to four decimal places"}
        super().__init__(as_string=True, validate=_percent, metadata=words, **options)

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else f"{value.normalize():f}"


def _percent(value: Decimal) -> None:
    if not 0 <= value <= 100:
        raise ValidationError("Must be greater than or equal to 0 and less than or equal to 100.")
    if value != value.quantize(Decimal("0.0001")):
        raise ValidationError("String does not match expected pattern.")


class TermsSchema(Schema):
    """Fee rules. What is left out is not charged; without effective_from it begins when it is confirmed."""

    percent_of_net = PercentField()
    per_visit = MoneyField(prefix="per_visit")
    monthly = MoneyField(prefix="monthly")
    cap_percent = PercentField(allow_none=True)
    cap_per_visit = MoneyField(prefix="cap_per_visit", allow_none=True)
    cap_per_programme = MoneyField(prefix="cap_per_programme", allow_none=True)
    zero_on_medical = fields.Boolean()
    traffic_per_visit = MoneyField(prefix="traffic_per_visit", allow_none=True)
    refund_window_days = fields.Integer(strict=True, validate=validate.Range(0, 365))
    effective_from = moment(allow_none=True)

    @post_load
    def _columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        given: dict[str, Money | None] = {name: data.pop(name) for name in _AMOUNTS if name in data}
        currencies = {money.currency for money in given.values() if money is not None}
        if len(currencies) > 1:
            raise ValidationError({"cap_per_visit": ["Must be one of: the currency of the other amounts."]})
        if currencies:
            data["currency"] = currencies.pop()
        return data | {f"{name}_minor": None if money is None else money.amount_minor for name, money in given.items()}


class AgreementVersionSchema(Schema):
    """One version of the fee rules, and where it stands."""

    id = fields.UUID(required=True)
    number = fields.Integer(required=True)
    status = fields.String(required=True)
    percent_of_net = PercentField(required=True)
    per_visit = MoneyField(prefix="per_visit", required=True)
    monthly = MoneyField(prefix="monthly", required=True)
    cap_percent = PercentField(allow_none=True)
    cap_per_visit = MoneyField(prefix="cap_per_visit", allow_none=True)
    cap_per_programme = MoneyField(prefix="cap_per_programme", allow_none=True)
    zero_on_medical = fields.Boolean(required=True)
    traffic_per_visit = MoneyField(prefix="traffic_per_visit", allow_none=True)
    refund_window_days = fields.Integer(required=True)
    effective_from = fields.DateTime(allow_none=True)
    effective_until = fields.DateTime(allow_none=True)
    terms_sha256 = fields.String(allow_none=True)
    proposed_at = fields.DateTime(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime(required=True)

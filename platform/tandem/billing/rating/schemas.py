"""Plans, subscriptions and lines, on the wire. Amounts are minor units of the plan's currency."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.billing.rating.models import KINDS
from tandem.billing.rating.plans import fault_of
from tandem.billing.usage import WHOLE_TENANT
from tandem.kernel.http import MoneyField, PageQuery, Schema, TextPair
from tandem.kernel.money import CURRENCIES

_CODE = rules.Regexp(r"^[a-z][a-z0-9_]{0,39}\Z")
_SUBJECT = rules.Regexp(r"^[!-~]{1,200}\Z")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,20})?")
_MINOR = rules.Range(0, 10**13)
_RESERVED = ("minimum", "spend_cap", "prepaid")


class _Exact(fields.Decimal):
    """A whole number or plain decimal text: what 0.1 means as a float is not what was agreed."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        if not isinstance(value, int | str) or not _PLAIN_NUMBER.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        number: Decimal = super()._deserialize(value, attr, data, **kwargs)
        return number


def _exact(least: str = "0", most: str = "9999999999", **kwargs: Any) -> fields.Decimal:
    def check(value: Decimal) -> None:
        if not Decimal(least) <= value <= Decimal(most):
            raise ValidationError(f"Must be greater than or equal to {least} and less than or equal to {most}.")
        if value != value.quantize(Decimal("1e-8")):
            raise ValidationError("String does not match expected pattern.")

    return _Exact(as_string=True, validate=check, metadata={"type": "string", "example": "12.5"}, **kwargs)


class TierSchema(Schema):
    """A step of a ladder: up to which quantity (null: without end), per unit, and once for reaching it."""

    up_to = _exact(required=True, allow_none=True)
    unit_price = _exact(required=True)
    flat_minor = fields.Integer(load_default=0, strict=True, validate=_MINOR)


class ComponentSchema(Schema):
    """One thing that a plan charges for. Which terms it takes depends on its kind."""

    code = fields.String(required=True, validate=_CODE)
    kind = fields.String(required=True, validate=rules.OneOf(KINDS))
    title = fields.Nested(TextPair, required=True)
    meter = fields.String(validate=_CODE)
    flat_minor = fields.Integer(strict=True, validate=_MINOR)
    included = _exact()
    unit_price = _exact()
    package_size = _exact(least="0.00000001")
    percent = _exact(most="100")
    tiers = fields.List(fields.Nested(TierSchema), validate=rules.Length(1, 50))

    @validates_schema
    def _terms_fit(self, data: dict[str, Any], **_: Any) -> None:
        fault = fault_of(data)
        if fault is not None:
            raise ValidationError({fault[0]: [fault[1]]})


class PlanVersionWishSchema(Schema):
    """The next version of a plan."""

    code = fields.String(required=True, validate=_CODE)
    title = fields.Nested(TextPair, required=True)
    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))
    components = fields.List(fields.Nested(ComponentSchema), required=True, validate=rules.Length(1, 50))
    minimum_minor = fields.Integer(load_default=0, strict=True, validate=_MINOR)
    cap_minor = fields.Integer(load_default=None, allow_none=True, strict=True, validate=_MINOR)

    @validates_schema
    def _whole(self, data: dict[str, Any], **_: Any) -> None:
        codes = [each["code"] for each in data["components"]]
        if len(set(codes)) < len(codes) or set(codes) & set(_RESERVED):
            raise ValidationError({"components": ["Must be one of: codes that differ and are no line's own name."]})
        seen: set[str] = set()
        for place, meter in enumerate(each.get("meter") for each in data["components"]):
            if meter is not None and meter in seen:
                # An hour of use is claimed by one line: priced twice in one plan, it could never be billed at all.
                raise ValidationError({"components": {place: {"meter": ["Must be one of: meters that differ."]}}})
            seen.update([meter] if meter is not None else [])
        if data["cap_minor"] is not None and data["cap_minor"] < data["minimum_minor"]:
            raise ValidationError({"cap_minor": ["Must be greater than or equal to minimum_minor."]})


class PlanVersionSchema(Schema):
    """A version of a plan; its terms never change."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    number = fields.Integer(required=True)
    title_en = fields.String(required=True)
    title_zh = fields.String(required=True)
    currency = fields.String(required=True)
    minimum_minor = fields.Integer(required=True)
    cap_minor = fields.Integer(allow_none=True)
    terms = fields.Dict(required=True)
    terms_sha256 = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class SubscriptionWishSchema(Schema):
    """Whose use is billed by which version, from when; for an employer, by which of its signed contracts."""

    plan_version_id = fields.UUID(required=True)
    contract_id = fields.UUID(load_default=None, allow_none=True)
    subject = fields.String(load_default=WHOLE_TENANT, validate=_SUBJECT)
    first_day = business_day(required=True)
    until_day = business_day(load_default=None, allow_none=True)

    @validates_schema
    def _days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["until_day"] is not None and data["until_day"] <= data["first_day"]:
            raise ValidationError({"until_day": [f"Must be greater than {data['first_day']}."]})


class PlanChangeSchema(Schema):
    """Another version, from a day on."""

    plan_version_id = fields.UUID(required=True)
    first_day = business_day(required=True)


class SubscriptionEndSchema(Schema):
    """The first day that is not billed any more."""

    until_day = business_day(required=True)


class SubscriptionSchema(Schema):
    """A subscription, and the first day of it that has not been rated."""

    id = fields.UUID(required=True)
    plan_version_id = fields.UUID(required=True)
    subject = fields.String(required=True)
    contract_id = fields.UUID(allow_none=True)
    follows_id = fields.UUID(allow_none=True)
    first_day = fields.Date(required=True)
    until_day = fields.Date(allow_none=True)
    rated_until = fields.Date(required=True)


class PoolWishSchema(Schema):
    """Money paid ahead. The key makes it once, however often it is told."""

    key = fields.String(required=True, validate=_SUBJECT)
    subject = fields.String(load_default=WHOLE_TENANT, validate=_SUBJECT)
    amount = MoneyField(required=True, positive=True)
    valid_from = business_day(required=True)
    expires_on = business_day(load_default=None, allow_none=True)
    priority = fields.Integer(load_default=0, strict=True, validate=rules.Range(-1000, 1000))

    @validates_schema
    def _days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["expires_on"] is not None and data["expires_on"] <= data["valid_from"]:
            raise ValidationError({"expires_on": [f"Must be greater than {data['valid_from']}."]})


class PoolSchema(Schema):
    """A pool and what is left in it."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    subject = fields.String(required=True)
    granted = MoneyField(prefix="granted", required=True)
    remaining = MoneyField(prefix="remaining", required=True)
    priority = fields.Integer(required=True)
    valid_from = fields.Date(required=True)
    expires_on = fields.Date(allow_none=True)


class RatedLinesQuery(PageQuery):
    """Lines, all or those on one month's bill."""

    month = business_day(load_default=None)


class RatedLineSchema(Schema):
    """What one thing came to. An adjustment (revision above 0) stands on a later bill and points back to its month."""

    id = fields.UUID(required=True)
    subscription_id = fields.UUID(required=True)
    contract_id = fields.UUID(allow_none=True)
    plan_version_id = fields.UUID(required=True)
    period_first = fields.Date(required=True)
    period_until = fields.Date(required=True)
    covered_first = fields.Date(required=True)
    covered_until = fields.Date(required=True)
    raised_for = fields.Date(required=True)
    revision = fields.Integer(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True)
    meter = fields.String(allow_none=True)
    text_en = fields.String(required=True)
    text_zh = fields.String(required=True)
    quantity = fields.Decimal(as_string=True, required=True, metadata={"type": "string"})
    unit_price = fields.Decimal(as_string=True, allow_none=True, metadata={"type": ["string", "null"]})
    amount = MoneyField(required=True)
    pool_id = fields.UUID(allow_none=True)
    parked_reason = fields.String(allow_none=True)
    line_input_hash = fields.String(required=True)


class UsageClaimSchema(Schema):
    """One hour of use behind a line, as it stood when it was rated."""

    meter = fields.String(required=True)
    subject = fields.String(required=True)
    hour = fields.DateTime(required=True)
    fact_count = fields.Integer(required=True)
    event_count = fields.Integer(required=True)
    quantity = fields.Decimal(as_string=True, required=True, metadata={"type": "string"})

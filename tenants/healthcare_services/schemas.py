"""What hospitals send and read about their services."""

from typing import Any, Final

from marshmallow import ValidationError, fields
from marshmallow import validate as rules

from tandem.kernel.errors import FieldProblem
from tandem.kernel.http import MoneyField, PageQuery, Schema
from tandem.kernel.i18n import Text
from tandem.kernel.money import Money
from tenants.healthcare_services.models import CARE_TYPES, DURATION_MINUTES_MAX, MODES, NEXT, PRICE_MINOR_MAX
from tenants.hospitals import SpecialtyCode

_NAME: Final = rules.Length(1, 120)
_DURATION: Final = rules.Range(5, DURATION_MINUTES_MAX)


_TOO_DEAR: Final = FieldProblem(
    "price.amount_minor",
    Text("No service costs more than 100,000.00", "单项服务价格不得超过 100,000.00"),
    Text("Give the price in fen: 72.00 yuan is 7200.", "请以分为单位填写：72.00 元应填 7200。"),
    code="range",
)


def _not_typed_in_fen_for_yuan(price: Money) -> Any:
    if price.amount_minor > PRICE_MINOR_MAX:
        raise ValidationError([_TOO_DEAR])
    return price


class ServiceSchema(Schema):
    """One thing a patient can book."""

    id = fields.UUID(dump_only=True)
    department_id = fields.UUID(load_default=None, allow_none=True)
    name = fields.String(required=True, validate=_NAME)
    name_en = fields.String(load_default=None, allow_none=True, validate=_NAME)
    description = fields.String(load_default="", validate=rules.Length(0, 2000))
    specialty = SpecialtyCode(required=True)
    mode = fields.String(required=True, validate=rules.OneOf(MODES))
    care_type = fields.String(required=True, validate=rules.OneOf(CARE_TYPES))
    price = MoneyField(required=True, prefix="price", validate=_not_typed_in_fen_for_yuan)
    duration_minutes = fields.Integer(required=True, strict=True, validate=_DURATION)
    status = fields.String(dump_only=True)
    published_at = fields.DateTime(dump_only=True, allow_none=True)
    created_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class ServiceRevisionSchema(Schema):
    """The fields to change; once published only price, description and English name."""

    department_id = fields.UUID(allow_none=True)
    name = fields.String(validate=_NAME)
    name_en = fields.String(allow_none=True, validate=_NAME)
    description = fields.String(validate=rules.Length(0, 2000))
    specialty = SpecialtyCode()
    mode = fields.String(validate=rules.OneOf(MODES))
    care_type = fields.String(validate=rules.OneOf(CARE_TYPES))
    price = MoneyField(prefix="price", validate=_not_typed_in_fen_for_yuan)
    duration_minutes = fields.Integer(strict=True, validate=_DURATION)


class ServiceQuery(PageQuery):
    """Services of one status, or all."""

    status = fields.String(load_default=None, validate=rules.OneOf(tuple(NEXT)))

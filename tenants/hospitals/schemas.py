"""What hospitals send and read about their licence, page and departments."""

from typing import Any, Final

from marshmallow import ValidationError, fields
from marshmallow import validate as rules

from tandem.kernel.errors import FieldProblem
from tandem.kernel.http import PageQuery, Schema, TextPair
from tandem.kernel.i18n import Text
from tenants.hospitals.models import LEVELS
from tenants.hospitals.specialties import SPECIALTIES

_UNKNOWN_SPECIALTY: Final = FieldProblem(
    "",
    Text("The catalogue of diagnosis-and-treatment subjects has no such code", "《诊疗科目名录》中没有该代码"),
    Text("Take a code from GET /api/public/v1/specialties.", "请使用 GET /api/public/v1/specialties 中的代码。"),
    code="specialty",
)
_NAME: Final = rules.Length(1, 120)
_SENTENCE: Final = rules.Length(1, 500)


class _InTheCatalogue(rules.OneOf):
    """OneOf, whose refusal points to the catalogue instead of reciting it."""

    def __call__(self, value: Any) -> Any:
        if value not in SPECIALTIES:
            raise ValidationError([_UNKNOWN_SPECIALTY])
        return value


class SpecialtyCode(fields.String):
    """A code of the catalogue of diagnosis-and-treatment subjects, e.g. `03.04`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(validate=_InTheCatalogue(list(SPECIALTIES)), **given)


class SpecialtySchema(Schema):
    """A subject or profession of the catalogue."""

    code = fields.String()
    subject = fields.String()
    name = fields.Nested(TextPair)


class ProfileSchema(Schema):
    """What the hospital says about itself to the public."""

    id = fields.UUID(dump_only=True)
    level = fields.String(required=True, validate=rules.OneOf(LEVELS))
    institution_code = fields.String(load_default=None, allow_none=True, validate=rules.Regexp(r"^[0-9A-Z]{9,22}$"))
    insurance_code = fields.String(load_default=None, allow_none=True, validate=rules.Regexp(r"^[0-9A-Z]{11,12}$"))
    address = fields.String(required=True, validate=rules.Length(1, 200))
    phone = fields.String(load_default=None, allow_none=True, validate=rules.Regexp(r"^[0-9+() /-]{5,40}$"))
    website = fields.Url(load_default=None, allow_none=True, schemes={"https", "http"}, validate=rules.Length(1, 200))
    introduction = fields.String(load_default="", validate=rules.Length(0, 4000))
    updated_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class LicenceSchema(Schema):
    """A practice licence as it stands on the paper, and what became of it here."""

    id = fields.UUID(dump_only=True)
    number = fields.String(required=True, validate=rules.Regexp(r"^[0-9A-Za-z-]{8,40}$"))
    licensed_name = fields.String(required=True, validate=_NAME)
    second_name = fields.String(load_default=None, allow_none=True, validate=_NAME)
    issuing_authority = fields.String(required=True, validate=_NAME)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(required=True)
    registered_specialties = fields.List(SpecialtyCode(), required=True, validate=rules.Length(1, len(SPECIALTIES)))
    verification_due_on = fields.Date(load_default=None, allow_none=True)
    status = fields.String(dump_only=True)
    evidence = fields.String(dump_only=True, allow_none=True)
    verified_at = fields.DateTime(dump_only=True, allow_none=True)
    recorded_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class LicenceCorrectionSchema(Schema):
    """The fields that were misread."""

    number = fields.String(validate=rules.Regexp(r"^[0-9A-Za-z-]{8,40}$"))
    licensed_name = fields.String(validate=_NAME)
    second_name = fields.String(allow_none=True, validate=_NAME)
    issuing_authority = fields.String(validate=_NAME)
    valid_from = fields.Date()
    valid_to = fields.Date()
    registered_specialties = fields.List(SpecialtyCode(), validate=rules.Length(1, len(SPECIALTIES)))
    verification_due_on = fields.Date(allow_none=True)


class VerificationSchema(Schema):
    """What the operator found in the authority's register."""

    decision = fields.String(required=True, validate=rules.OneOf(("verified", "refused")))
    evidence = fields.String(required=True, validate=_SENTENCE)


class ReasonSchema(Schema):
    """Why."""

    because = fields.String(required=True, validate=_SENTENCE)


class DepartmentSchema(Schema):
    """A department of the hospital."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=_NAME)
    name_en = fields.String(load_default=None, allow_none=True, validate=_NAME)
    specialty = SpecialtyCode(required=True)
    status = fields.String(dump_only=True)
    created_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class DepartmentRevisionSchema(Schema):
    """The fields to change."""

    name = fields.String(validate=_NAME)
    name_en = fields.String(allow_none=True, validate=_NAME)
    specialty = SpecialtyCode()


class SpecialtyQuery(PageQuery):
    """The catalogue, whole or one subject's professions."""

    subject = fields.String(load_default=None, validate=rules.Regexp(r"^\d{2}$"))

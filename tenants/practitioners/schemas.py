"""What hospitals send and read about their practitioners. Identity numbers come in and never go out."""

from typing import Final

from marshmallow import fields
from marshmallow import validate as rules

from tandem.kernel.http import Schema
from tenants.hospitals import SpecialtyCode
from tenants.patients import IdentityNumber, TelephoneNumber
from tenants.practitioners.models import CHECK_METHODS, DOCTOR_TITLES, KINDS, PHARMACIST_TITLES, PLACES_MAX

_TITLE: Final = rules.OneOf((*DOCTOR_TITLES, *PHARMACIST_TITLES))
_SHA256: Final = rules.Regexp(r"^[0-9a-f]{64}$")


class PractitionerSchema(Schema):
    """A doctor or pharmacist of the hospital."""

    id = fields.UUID(dump_only=True)
    person_id = fields.UUID(required=True)
    department_id = fields.UUID(load_default=None, allow_none=True)
    kind = fields.String(required=True, validate=rules.OneOf(KINDS))
    title = fields.String(required=True, validate=_TITLE)
    name = fields.String(required=True, validate=rules.Length(1, 80))
    id_number = IdentityNumber(required=True, load_only=True, metadata={"example": "11010519491231002X"})
    phone = TelephoneNumber(required=True, load_only=True, metadata={"example": "13800138000"})
    introduction = fields.String(load_default="", validate=rules.Length(0, 2000))
    status = fields.String(dump_only=True)
    created_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class PractitionerRevisionSchema(Schema):
    """The fields to change."""

    department_id = fields.UUID(allow_none=True)
    title = fields.String(validate=_TITLE)
    introduction = fields.String(validate=rules.Length(0, 2000))


class CredentialSchema(Schema):
    """A qualification with the practice certificate that goes with it."""

    id = fields.UUID(dump_only=True)
    practitioner_id = fields.UUID(dump_only=True)
    qualification_number = fields.String(required=True, load_only=True, validate=rules.Regexp(r"^[0-9A-Za-z]{15,30}$"))
    practice_certificate_number = fields.String(required=True, validate=rules.Regexp(r"^[0-9A-Za-z]{10,20}$"))
    places = fields.List(
        fields.String(validate=rules.Length(1, 120)), required=True, validate=rules.Length(1, PLACES_MAX)
    )
    is_main_place = fields.Boolean(required=True)
    multi_site_filing = fields.String(load_default=None, allow_none=True, validate=rules.Length(1, 80))
    main_employer_agrees = fields.Boolean(required=True)
    independent_practice_since = fields.Date(load_default=None, allow_none=True)
    registered_specialties = fields.List(SpecialtyCode(), load_default=list, validate=rules.Length(0, 40))
    valid_to = fields.Date(load_default=None, allow_none=True)
    document_sha256 = fields.String(required=True, validate=_SHA256)
    status = fields.String(dump_only=True)
    submitted_at = fields.DateTime(dump_only=True)
    decided_at = fields.DateTime(dump_only=True, allow_none=True)


class CredentialDecisionSchema(Schema):
    """What medical affairs found."""

    decision = fields.String(required=True, validate=rules.OneOf(("verified", "rejected")))
    note = fields.String(required=True, validate=rules.Length(1, 500))


class RealNameCheckSchema(Schema):
    """What the practitioner shows."""

    id_number = IdentityNumber(required=True, load_only=True, metadata={"example": "11010519491231002X"})
    method = fields.String(required=True, validate=rules.OneOf(CHECK_METHODS))
    practitioner_id = fields.UUID(dump_only=True)
    checked_on = fields.Date(dump_only=True)
    checked_at = fields.DateTime(dump_only=True)

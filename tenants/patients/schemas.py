"""What patients send and read about themselves."""

from typing import Any, Final

from marshmallow import fields
from marshmallow import validate as rules

from tandem.kernel.http import PageQuery, Schema, TextPair
from tenants.hospitals import SpecialtyCode
from tenants.patients.consent_texts import PURPOSES
from tenants.patients.identity_numbers import IdentityNumber, TelephoneNumber, masked
from tenants.patients.models import DOCUMENT_KINDS, RELATIONSHIPS

_NAME: Final = rules.Length(1, 80)


class Masked(fields.String):
    """A number of which only the ends go out."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else masked(value)


class ConsentDecisionSchema(Schema):
    """A decision about one version of one text."""

    purpose = fields.String(required=True, validate=rules.OneOf(PURPOSES))
    version = fields.Integer(required=True, strict=True, validate=rules.Range(1, 10_000))
    decision = fields.String(load_default="given", validate=rules.OneOf(("given", "withdrawn")))


class ConsentGivenSchema(Schema):
    """Consent to one version of one text."""

    purpose = fields.String(required=True, validate=rules.OneOf(PURPOSES))
    version = fields.Integer(required=True, strict=True, validate=rules.Range(1, 10_000))


class RegistrationSchema(Schema):
    """Who is to be registered. A ward is registered by a guardian who has a record here."""

    name = fields.String(required=True, validate=_NAME)
    id_number = IdentityNumber(required=True, metadata={"example": "11010519491231002X"})
    phone = TelephoneNumber(required=True, metadata={"example": "13800138000"})
    relationship = fields.String(load_default="self", validate=rules.OneOf(RELATIONSHIPS))
    consents = fields.List(fields.Nested(ConsentGivenSchema), load_default=list, validate=rules.Length(0, 10))


class PatientSchema(Schema):
    """A record, as the person who signs in for it sees it."""

    id = fields.UUID()
    relationship = fields.String()
    guardian_patient_id = fields.UUID(allow_none=True)
    name = fields.String()
    id_number = Masked()
    phone = Masked()
    born_on = fields.String()
    sex = fields.String()
    registered_at = fields.DateTime()
    version = fields.Integer()


class ContactSchema(Schema):
    """What a patient may correct alone; name and identity number are corrected at the hospital's desk."""

    phone = TelephoneNumber(required=True)


class ConsentSchema(Schema):
    """The latest decision for a purpose."""

    id = fields.UUID()
    purpose = fields.String()
    text_version = fields.Integer()
    text_sha256 = fields.String()
    decision = fields.String()
    decided_at = fields.DateTime()


class ConsentTextSchema(Schema):
    """A text in force, to be read before consenting."""

    purpose = fields.String()
    version = fields.Integer()
    in_force_from = fields.Date()
    is_required = fields.Boolean()
    sha256 = fields.String()
    body = fields.Nested(TextPair)


class EvidenceSchema(Schema):
    """Evidence of a definite diagnosis made in a hospital before."""

    id = fields.UUID(dump_only=True)
    specialty = SpecialtyCode(required=True)
    diagnosis_code = fields.String(
        required=True,
        validate=rules.Regexp(r"^[A-Z][0-9]{2}(\.[0-9A-Zx]{1,7})?$"),
        metadata={"description": "ICD-10, e.g. I10.x00", "example": "I10.x00"},
    )
    diagnosis_name = fields.String(required=True, validate=rules.Length(1, 120))
    hospital_name = fields.String(required=True, validate=rules.Length(1, 120))
    diagnosed_on = fields.Date(required=True)
    document_kind = fields.String(required=True, validate=rules.OneOf(DOCUMENT_KINDS))
    document_sha256 = fields.String(required=True, validate=rules.Regexp(r"^[0-9a-f]{64}$"))
    filed_at = fields.DateTime(dump_only=True)


class RecordSchema(Schema):
    """The record a patient may read and copy (Civil Code 1225): who, what was consented to, on what evidence."""

    patient = fields.Nested(PatientSchema)
    consents = fields.List(fields.Nested(ConsentSchema))
    prior_diagnoses = fields.List(fields.Nested(EvidenceSchema))


class ConsentTextQuery(PageQuery):
    """The texts in force."""

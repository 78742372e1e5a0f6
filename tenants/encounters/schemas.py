"""What goes in and out of consultations."""

from marshmallow import fields, validate

from tandem.kernel.http import PageQuery, Schema
from tenants.encounters.models import EVIDENCE_PATHS, NEXT

_TEXT = validate.Length(1, 10_000)


class OpenEncounter(Schema):
    """Which booked visit; `evidence_path` only to ask for advice although there is evidence."""

    appointment_id = fields.UUID(required=True)
    evidence_path = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(EVIDENCE_PATHS))


class EncounterOut(Schema):
    """A consultation, without its note."""

    id = fields.UUID(required=True)
    appointment_id = fields.UUID(required=True)
    patient_id = fields.UUID(required=True)
    practitioner_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    specialty = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(NEXT)))
    evidence_path = fields.String(required=True, validate=validate.OneOf(EVIDENCE_PATHS))
    evidence_id = fields.UUID(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    started_at = fields.DateTime(required=True, allow_none=True)
    finished_at = fields.DateTime(required=True, allow_none=True)


class EncounterQuery(PageQuery):
    """Which consultations."""

    practitioner_id = fields.UUID()
    status = fields.String(validate=validate.OneOf(list(NEXT)))


class WriteNote(Schema):
    """The note; what is left out is empty."""

    complaint = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    findings = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    advice = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    diagnosis_code = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^[A-Z][0-9]{2}(\.[0-9A-Za-z+*]{1,7})?$"),
        metadata={"description": "ICD-10, in follow-up visits only", "example": "I10.x00"},
    )


class NoteOut(Schema):
    """A note, and its signature once it has one."""

    complaint = fields.String(required=True, allow_none=True)
    findings = fields.String(required=True, allow_none=True)
    advice = fields.String(required=True, allow_none=True)
    diagnosis_code = fields.String(required=True, allow_none=True)
    written_at = fields.DateTime(required=True)
    content_sha256 = fields.String(required=True, allow_none=True)
    signed_by = fields.UUID(required=True, allow_none=True)
    signed_at = fields.DateTime(required=True, allow_none=True)


class AddAddendum(Schema):
    """What is added to a signed note."""

    text = fields.String(required=True, validate=_TEXT)


class AddendumOut(Schema):
    """What was added, by whom, when; chained to what it follows."""

    number = fields.Integer(required=True)
    text = fields.String(required=True)
    content_sha256 = fields.String(required=True)
    signed_by = fields.UUID(required=True)
    signed_at = fields.DateTime(required=True)


class Referral(Schema):
    """Why this must be seen in a hospital; kept encrypted with the record."""

    because = fields.String(required=True, validate=validate.Length(1, 1_000))


class RecordOut(EncounterOut):
    """The whole record of a consultation."""

    may_prescribe = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)
    ended_because = fields.String(required=True, allow_none=True)
    note = fields.Nested(NoteOut, required=True, allow_none=True)
    addenda = fields.List(fields.Nested(AddendumOut), required=True)
    is_intact = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "whether note and addenda are what was signed; null before the signature"},
    )

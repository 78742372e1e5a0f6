"""What a member sees of a benefit."""

from marshmallow import fields, validate

from tandem.kernel.http import Schema


class BenefitSchema(Schema):
    """A benefit and what is left of it."""

    id = fields.UUID(required=True)
    programme_id = fields.UUID(required=True)
    status = fields.String(required=True)
    units_granted = fields.Integer(required=True)
    units_reserved = fields.Integer(required=True)
    units_consumed = fields.Integer(required=True)
    units_left = fields.Integer(required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(required=True)
    hospital_ids = fields.List(fields.UUID(), required=True)


class ActivationSchema(Schema):
    """The member's own consent to take part."""

    consent_version = fields.String(required=True, validate=validate.Length(1, 40))
    accepts = fields.Boolean(required=True, validate=validate.Equal(True))

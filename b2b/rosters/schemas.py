"""Rosters on the wire. Only the employer's own people ever see these."""

from marshmallow import fields, validate

from tandem.kernel.http import PageQuery, Schema, TextPair


class RowErrorSchema(Schema):
    """A row that was left out, and how to mend it."""

    row = fields.Integer(required=True)
    column = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.Nested(TextPair, required=True)
    mend = fields.Nested(TextPair, required=True)


class RosterImportSchema(Schema):
    """What became of an uploaded roster."""

    id = fields.UUID(required=True)
    rows_read = fields.Integer(required=True)
    rows_added = fields.Integer(required=True)
    rows_changed = fields.Integer(required=True)
    rows_unchanged = fields.Integer(required=True)
    rows_refused = fields.Integer(required=True)
    errors = fields.List(fields.Nested(RowErrorSchema), required=True)
    created_at = fields.DateTime(required=True)


class RosterQuery(Schema):
    """How to take the file."""

    dry_run = fields.Boolean(load_default=False, metadata={"description": "only tell, write nothing"})


class MemberSchema(Schema):
    """An employee as HR uploaded them."""

    id = fields.UUID(required=True)
    staff_number = fields.String(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    joined_on = fields.Date(required=True)
    left_on = fields.Date(required=True, allow_none=True)


class DepartureSchema(Schema):
    """The last day."""

    left_on = fields.Date(required=True)


class MemberQuery(PageQuery):
    """A page of members."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100))

"""Rosters on the wire. Only the employer's own people ever see these."""

from marshmallow import fields, validate

from tandem.kernel.http import PageQuery, Schema, TextPair


class RowErrorSchema(Schema):
    """A row that was left out, and how to mend it; the header is row 1."""

    row = fields.Integer(required=True)
    column = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.Nested(TextPair, required=True)
    mend = fields.Nested(TextPair, required=True)


class RosterImportSummarySchema(Schema):
    """What became of an uploaded roster, in numbers."""

    id = fields.UUID(required=True, allow_none=True, metadata={"description": "null after a dry run: nothing is kept"})
    rows_read = fields.Integer(required=True)
    rows_added = fields.Integer(required=True)
    rows_changed = fields.Integer(required=True)
    rows_unchanged = fields.Integer(required=True)
    rows_refused = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)


class RosterImportSchema(RosterImportSummarySchema):
    """What became of an uploaded roster, and of its bad rows (the first thousand)."""

    errors = fields.List(fields.Nested(RowErrorSchema), required=True)


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
    """When somebody leaves."""

    left_on = fields.Date(required=True, metadata={"description": "the day from which they no longer belong to you"})


class MemberQuery(PageQuery):
    """A page of members."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100))

"""What is said about oversight over HTTP."""

from marshmallow import fields, validate

from tandem.accounts.fields import moment
from tandem.kernel.http import PageQuery, Schema

_WORD = validate.Regexp(r"^[\w.:-]{1,80}\Z")


class AuditFilterSchema(PageQuery):
    """Which events."""

    action = fields.String(validate=_WORD, metadata={"example": "organization.approved"})
    object_type = fields.String(validate=_WORD, metadata={"example": "organization"})
    object_id = fields.String(validate=_WORD)
    actor = fields.String(validate=_WORD)


class AuditEventSchema(Schema):
    """One thing that was decided or done."""

    id = fields.UUID(required=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    object_type = fields.String(required=True)
    object_id = fields.String(required=True)
    details = fields.Dict(keys=fields.String(), required=True)
    request_id = fields.String(allow_none=True)


class DeadJobSchema(Schema):
    """A job that failed its last attempt and waits for a person."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    name = fields.String(required=True)
    queue = fields.String(required=True)
    args = fields.Dict(keys=fields.String(), required=True)
    error = fields.String(allow_none=True)
    attempts = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(allow_none=True)
    request_id = fields.String(allow_none=True)


class TestClockSchema(Schema):
    """What time it is here, and whether that can be changed."""

    now = moment(required=True)
    is_movable = fields.Boolean(dump_only=True)


class JobTotalsSchema(Schema):
    """Jobs of all organisations that are not done, by what they wait for."""

    due = fields.Integer(required=True)
    running = fields.Integer(required=True)
    later = fields.Integer(required=True)
    dead = fields.Integer(required=True)

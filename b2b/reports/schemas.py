"""Reports on the wire."""

from marshmallow import fields

from tandem.kernel.http import Schema


class UtilisationReportSchema(Schema):
    """A month's sums. null: too few people stand behind a number; counted earlier: too few changed it since."""

    contract_id = fields.UUID(required=True)
    month_on = fields.Date(required=True)
    members = fields.Integer(required=True)
    units_granted = fields.Integer(required=True)
    members_active = fields.Integer(required=True, allow_none=True)
    units_used = fields.Integer(required=True, allow_none=True)
    active_counted_at = fields.DateTime(required=True, allow_none=True)
    used_counted_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)

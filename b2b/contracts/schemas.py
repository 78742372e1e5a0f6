"""Contracts on the wire."""

from marshmallow import fields, validate

from tandem.kernel.http import MoneyField, Schema


class ContractSchema(Schema):
    """A contract."""

    id = fields.UUID(dump_only=True)
    package_id = fields.UUID(required=True)
    package_code = fields.String(dump_only=True)
    units_per_member = fields.Integer(dump_only=True)
    price_per_member = MoneyField(dump_only=True, prefix="price_per_member")
    hospital_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 200))
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(load_default=None, allow_none=True)
    programme_id = fields.UUID(dump_only=True)
    heads_billed = fields.Integer(dump_only=True)
    status = fields.String(dump_only=True)
    effective_at = fields.DateTime(dump_only=True, allow_none=True)
    created_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class ContractReasonSchema(Schema):
    """Why; it stays in the audit trail."""

    because = fields.String(required=True, validate=validate.Length(2, 400))


class ContractTotalsSchema(Schema):
    """Sums of a contract's programme; nobody is named, and the employer does not see them."""

    members = fields.Integer(required=True)
    members_active = fields.Integer(required=True)
    units_granted = fields.Integer(required=True)
    units_consumed = fields.Integer(required=True)

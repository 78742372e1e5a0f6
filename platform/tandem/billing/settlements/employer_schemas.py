"""Employers' statements, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.settlements.employer_models import EMPLOYER_NEXT
from tandem.kernel.http import Schema


class EmployerStatementSchema(Schema):
    """A statement's sums: what was invoiced, paid and drawn since the last one; what is open and unspent at its end.

    `unspent_minor` is paid, less its tax, less all that was told as drawn: what the operator owes the employer in
    visits, or in money once there are no more visits.
    """

    id = fields.UUID(required=True)
    employer_id = fields.UUID(required=True, attribute="tenant_id")
    number = fields.Integer(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(EMPLOYER_NEXT)))
    currency = fields.String(required=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    cut_seq = fields.Integer(required=True)
    previous_cut_seq = fields.Integer(required=True)
    invoiced_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(required=True)
    drawn_minor = fields.Integer(required=True)
    open_minor = fields.Integer(required=True)
    unspent_minor = fields.Integer(required=True)
    document_sha256 = fields.String(required=True)
    drafted_at = fields.DateTime(required=True)
    proposed_at = fields.DateTime(allow_none=True)
    confirmed_at = fields.DateTime(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)


class EmployerStatementLineSchema(Schema):
    """One programme. null: too few members stand behind its draws since they were told last; a later one tells them."""

    line_no = fields.Integer(required=True)
    programme_id = fields.UUID(required=True)
    invoiced_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(required=True)
    units_drawn = fields.Integer(required=True, allow_none=True)
    drawn_minor = fields.Integer(required=True, allow_none=True)
    open_minor = fields.Integer(required=True)
    unspent_minor = fields.Integer(required=True)
    currency = fields.String(required=True)


class WholeEmployerStatementSchema(EmployerStatementSchema):
    """A statement with its lines; `is_reproduced` says that its queries, run just now, gave the same bytes."""

    lines = fields.List(fields.Nested(EmployerStatementLineSchema), required=True)
    is_reproduced = fields.Boolean(required=True)

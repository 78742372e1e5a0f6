"""Employers' statements, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.settlements.models import CORRECTION_KINDS, EMPLOYER_NEXT
from tandem.billing.settlements.schemas.statements import AdjustmentWishSchema, SpanSchema
from tandem.kernel.http import Schema


class EmployerStatementSchema(SpanSchema):
    """A statement's sums: what was invoiced, paid and drawn since the last one; what is open and unspent at its end.

    `unspent_minor` is paid, less its tax, less all that was told as drawn: what the operator owes the employer in
    visits, or in money once there are no more visits. `adjusted_minor` is what agreed corrections add to what was
    drawn. Paid is a statement once of its invoices no more is open than `withheld_minor`.
    """

    employer_id = fields.UUID(required=True, attribute="tenant_id")
    status = fields.String(required=True, validate=rules.OneOf(sorted(EMPLOYER_NEXT)))
    invoiced_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(required=True)
    drawn_minor = fields.Integer(required=True)
    adjusted_minor = fields.Integer(required=True)
    open_minor = fields.Integer(required=True)
    unspent_minor = fields.Integer(required=True)
    drafted_at = fields.DateTime(required=True)
    proposed_at = fields.DateTime(allow_none=True)
    paid_at = fields.DateTime(allow_none=True)
    withheld_minor = fields.Integer(allow_none=True)


class EmployerStatementLineSchema(Schema):
    """One programme. null: too few members stand behind its draws since they were told last; a later one tells them."""

    line_no = fields.Integer(required=True)
    programme_id = fields.UUID(required=True)
    invoiced_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(required=True)
    units_drawn = fields.Integer(required=True, allow_none=True)
    drawn_minor = fields.Integer(required=True, allow_none=True)
    adjusted_minor = fields.Integer(required=True)
    open_minor = fields.Integer(required=True)
    unspent_minor = fields.Integer(required=True)
    currency = fields.String(required=True)


class CorrectionSchema(Schema):
    """What a statement says of an earlier one: a credit note, an agreed adjustment, or what came late."""

    adjusts_number = fields.Integer(required=True)
    programme_id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=rules.OneOf(CORRECTION_KINDS))
    amount_minor = fields.Integer(required=True)


class WholeEmployerStatementSchema(EmployerStatementSchema):
    """A statement with its lines; `is_reproduced` says that its queries, run just now, gave the same bytes."""

    lines = fields.List(fields.Nested(EmployerStatementLineSchema), required=True)
    corrections = fields.List(fields.Nested(CorrectionSchema), required=True)
    is_reproduced = fields.Boolean(required=True)


class EmployerAdjustmentWishSchema(AdjustmentWishSchema):
    """A correction of what a programme has drawn: what it adds (negative: gives back), and which dispute it answers."""

    line_dispute_id = fields.UUID(required=True)


class DisputeAgreementWishSchema(Schema):
    """The credit note that takes back what was invoiced, or the payment that was missing."""

    document_id = fields.UUID(required=True)

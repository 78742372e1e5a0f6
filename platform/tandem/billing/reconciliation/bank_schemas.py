"""Lines of a bank and what people decide about them, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.reconciliation.bank_decision_models import PROPOSAL_NEXT, TARGETS
from tandem.kernel.http import MoneyField, PageQuery, Schema


class BankMatchWishSchema(Schema):
    """Which payouts a bank's line is the sum of, and how one knows."""

    payout_ids = fields.List(fields.UUID(), required=True, validate=rules.Length(1, 50))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankLinesQuery(PageQuery):
    """All lines, or those that nothing explains or of which a rest is left."""

    is_free = fields.Boolean(load_default=False)


class BankLineSchema(Schema):
    """One movement of a bank account; `allocated_minor` of it pays invoices."""

    id = fields.UUID(required=True)
    statement_id = fields.UUID(required=True)
    account = fields.String(required=True)
    booked_on = fields.Date(required=True)
    amount = MoneyField(required=True)
    reference = fields.String(required=True)
    bank_reference = fields.String(required=True)
    counterparty = fields.String(required=True)
    is_matched = fields.Boolean(required=True)
    allocated_minor = fields.Integer(required=True)


class BankAllocationWishSchema(Schema):
    """How much of a line pays which invoice, in the line's currency."""

    invoice_id = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True, validate=rules.Range(1, 10**15))


class BankAllocationsWishSchema(Schema):
    """What a transfer pays, all of it or nothing, and how one knows."""

    allocations = fields.List(fields.Nested(BankAllocationWishSchema), required=True, validate=rules.Length(1, 50))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankAllocationSchema(Schema):
    """A part of a line that pays an invoice."""

    id = fields.UUID(required=True)
    customer_id = fields.UUID(required=True)
    invoice_id = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True)
    rule = fields.String(required=True)
    allocated_at = fields.DateTime(required=True)


class BankAllocationsSchema(Schema):
    """All that a line pays, and what of it is left."""

    bank_line_id = fields.UUID(required=True)
    left_minor = fields.Integer(required=True)
    allocations = fields.List(fields.Nested(BankAllocationSchema), required=True)


class BankLineProposalsQuery(PageQuery):
    """Proposals in one state, or all."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(PROPOSAL_NEXT)))


class BankLineRefusalSchema(Schema):
    """Why somebody does not agree."""

    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankLineProposalSchema(Schema):
    """What somebody says a line is for: `parts` says how much (minor units) of it for which invoice or payout."""

    id = fields.UUID(required=True)
    bank_line_id = fields.UUID(required=True)
    target = fields.String(required=True, validate=rules.OneOf(TARGETS))
    parts = fields.Dict(keys=fields.UUID(), values=fields.Integer(), required=True)
    amount_minor = fields.Integer(required=True)
    because = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(PROPOSAL_NEXT)))
    proposed_by = fields.UUID(required=True)
    proposed_at = fields.DateTime(required=True)
    decided_by = fields.UUID(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    refused_because = fields.String(allow_none=True)

"""Files and lines of a bank, and what people decide about them, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.reconciliation.bank_files import PROFILES
from tandem.billing.reconciliation.models import EXIT_NEXT, EXIT_REASONS, PROPOSAL_NEXT, TARGETS
from tandem.kernel.http import MoneyField, PageQuery, Schema


class BankFileQuery(Schema):
    """Whose account the file is of, and by which profile it reads."""

    account = fields.String(required=True, validate=rules.Length(1, 60))
    profile = fields.String(load_default="generic", validate=rules.OneOf(PROFILES))


class BankStatementSchema(Schema):
    """A bank's file: how many lines it has, and how many of them were known before."""

    id = fields.UUID(required=True)
    account = fields.String(required=True)
    profile = fields.String(required=True)
    file_sha256 = fields.String(required=True)
    line_count = fields.Integer(required=True)
    known_count = fields.Integer(required=True)
    uploaded_at = fields.DateTime(required=True)


class BankMatchWishSchema(Schema):
    """Which payouts a bank's line is the sum of, and how one knows."""

    payout_ids = fields.List(fields.UUID(), required=True, validate=rules.Length(1, 50))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankLinesQuery(PageQuery):
    """All lines, or those that nothing explains or of which a rest is left."""

    is_free = fields.Boolean(load_default=False)


class BankLineSchema(Schema):
    """One movement of a bank account: `allocated_minor` of it pays invoices, `exited_minor` left it as nobody's."""

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
    exited_minor = fields.Integer(required=True)
    left_minor = fields.Integer(required=True)


class BankAllocationWishSchema(Schema):
    """How much of a line pays which invoice, in the line's currency."""

    invoice_id = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True, validate=rules.Range(1, 10**15))


class BankAllocationsWishSchema(Schema):
    """What a transfer pays, all of it or nothing, and how one knows."""

    allocations = fields.List(fields.Nested(BankAllocationWishSchema), required=True, validate=rules.Length(1, 50))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankAllocationSchema(Schema):
    """A part of a line: it pays an invoice, or leaves by an exit; negative, what an exit gave back."""

    id = fields.UUID(required=True)
    customer_id = fields.UUID(allow_none=True)
    invoice_id = fields.UUID(allow_none=True)
    bank_line_exit_id = fields.UUID(allow_none=True)
    amount_minor = fields.Integer(required=True)
    rule = fields.String(required=True)
    allocated_at = fields.DateTime(required=True)


class BankAllocationsSchema(Schema):
    """All that a line pays and all that left it, in order, and what of it is left."""

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


class BankLineExitsQuery(PageQuery):
    """Exits in one state, or all."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(EXIT_NEXT)))


class BankLineExitWishSchema(Schema):
    """Why a sum is nobody's, and how one knows. Without `amount_minor`, which has the line's direction, all of it."""

    reason = fields.String(required=True, validate=rules.OneOf(EXIT_REASONS))
    amount_minor = fields.Integer(load_default=None, allow_none=True, validate=rules.Range(-(10**15), 10**15))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class BankLineExitSchema(Schema):
    """A sum of a line that is nobody's. `reference` goes with the transfer that returns it to its sender."""

    id = fields.UUID(required=True)
    bank_line_id = fields.UUID(required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True, validate=rules.OneOf(EXIT_REASONS))
    because = fields.String(required=True)
    reference = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(EXIT_NEXT)))
    proposed_by = fields.UUID(required=True)
    proposed_at = fields.DateTime(required=True)
    decided_by = fields.UUID(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    refused_because = fields.String(allow_none=True)
    undo_because = fields.String(allow_none=True)
    undo_proposed_by = fields.UUID(allow_none=True)
    undo_decided_by = fields.UUID(allow_none=True)
    undone_at = fields.DateTime(allow_none=True)
    returned_line_id = fields.UUID(allow_none=True)
    returned_on = fields.Date(allow_none=True)

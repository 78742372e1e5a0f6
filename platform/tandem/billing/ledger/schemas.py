"""The books, on the wire. Amounts are signed, debit positive."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.ledger.chart import KINDS
from tandem.billing.ledger.models import BASES, HOLD_NEXT
from tandem.kernel.database import PAGE_LIMIT_MAX
from tandem.kernel.http import PageQuery, Schema
from tandem.kernel.money import CURRENCIES


class BalancesQuery(PageQuery):
    """Balances now, or at a moment: of what was true before it, or of what had been booked before it."""

    # A book has few accounts; most fit on one page.
    limit = fields.Integer(load_default=PAGE_LIMIT_MAX, validate=rules.Range(min=1, max=PAGE_LIMIT_MAX))
    at = fields.AwareDateTime(load_default=None)
    basis = fields.String(load_default="effective", validate=rules.OneOf(BASES))


class BalanceSchema(Schema):
    """One account, what it stands at, and between which limits it has to stay."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    party_id = fields.UUID(allow_none=True)
    kind = fields.String(required=True, validate=rules.OneOf(KINDS))
    currency = fields.String(required=True)
    balance_minor = fields.Integer(required=True)
    floor_minor = fields.Integer(allow_none=True)
    ceiling_minor = fields.Integer(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)


class JournalsQuery(PageQuery):
    """Journals of one book, of one kind if asked."""

    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))
    kind = fields.String(load_default=None, validate=rules.Regexp(r"[a-z_]{1,40}\Z"))


class JournalSchema(Schema):
    """One fact of the book, with the seal that chains it to the one before."""

    id = fields.UUID(required=True)
    seq = fields.Integer(required=True)
    kind = fields.String(required=True)
    idem_key = fields.String(required=True, data_key="key")
    effective_at = fields.DateTime(required=True)
    booked_at = fields.DateTime(required=True)
    source_type = fields.String(required=True)
    source_id = fields.String(required=True)
    rule_version = fields.String(required=True)
    reverses_id = fields.UUID(allow_none=True)
    correlation_id = fields.UUID(allow_none=True)
    seal = fields.String(required=True)


class JournalLineSchema(Schema):
    """One line of a journal."""

    line_no = fields.Integer(required=True)
    account_code = fields.String(required=True)
    party_id = fields.UUID(allow_none=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)


class WholeJournalSchema(JournalSchema):
    """A journal with its lines."""

    lines = fields.List(fields.Nested(JournalLineSchema), required=True)


class EntrySchema(Schema):
    """One line on an account, with the fact it belongs to."""

    seq = fields.Integer(required=True)
    line_no = fields.Integer(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    journal_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    effective_at = fields.DateTime(required=True)
    booked_at = fields.DateTime(required=True)
    source_type = fields.String(required=True)
    source_id = fields.String(required=True)


class HoldsQuery(PageQuery):
    """Holds, of one state if asked."""

    status = fields.String(load_default=None, validate=rules.OneOf(list(HOLD_NEXT)))


class HoldSchema(Schema):
    """A sum set aside, and how far it has come."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    account_code = fields.String(required=True)
    party_id = fields.UUID(allow_none=True)
    amount_minor = fields.Integer(required=True)
    captured_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(list(HOLD_NEXT)))
    placed_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    journal_id = fields.UUID(required=True)


class MirrorSchema(Schema):
    """How the operator's book answers a journal of this rule."""

    facing = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    rest = fields.String(required=True)


class PostingRuleSchema(Schema):
    """One version of a posting rule, as journals name it: code@version."""

    code = fields.String(required=True)
    version = fields.Integer(required=True)
    effective_from = fields.Date(required=True)
    family = fields.String(required=True)
    why = fields.String(required=True)
    legs = fields.List(fields.String(), required=True)
    basis = fields.List(fields.String(), required=True)
    mirror = fields.Nested(MirrorSchema, allow_none=True)
    sha256 = fields.String(required=True)
    source = fields.String(required=True)

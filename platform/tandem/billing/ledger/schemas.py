"""The books, on the wire. Amounts are signed, debit positive."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.ledger.chart import KINDS
from tandem.kernel.http import PageQuery, Schema
from tandem.kernel.money import CURRENCIES


class BalancesQuery(Schema):
    """Balances now, or of what was true before a moment."""

    at = fields.AwareDateTime(load_default=None)


class BalanceSchema(Schema):
    """One account and what it stands at."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    party_id = fields.UUID(allow_none=True)
    kind = fields.String(required=True, validate=rules.OneOf(KINDS))
    currency = fields.String(required=True)
    balance_minor = fields.Integer(required=True)


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

"""Differences, runs and day closes, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.billing.reconciliation.findings import OWNERS, PASSES
from tandem.billing.reconciliation.models import NEXT
from tandem.kernel.http import MoneyField, PageQuery, Schema

_STATES = rules.OneOf(sorted(NEXT))


class DiscrepanciesQuery(PageQuery):
    """Differences in one state, or of one day."""

    status = fields.String(load_default=None, validate=_STATES)
    day = business_day(load_default=None)


class DiscrepancySchema(Schema):
    """One difference: who says what, what is at risk, whose turn it is and until when."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    reconciliation_pass = fields.String(required=True, validate=rules.OneOf(PASSES), data_key="pass")
    natural_key = fields.String(required=True)
    kind = fields.String(required=True)
    day = fields.Date(required=True)
    owner = fields.String(required=True, validate=rules.OneOf(OWNERS))
    status = fields.String(required=True, validate=_STATES)
    cause = fields.String(allow_none=True)
    expected_minor = fields.Integer(required=True)
    actual_minor = fields.Integer(required=True)
    amount_at_risk = MoneyField(prefix="amount_at_risk", required=True)
    evidence = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    first_seen_at = fields.DateTime(required=True)
    last_seen_at = fields.DateTime(required=True)
    seen_count = fields.Integer(required=True)
    deadline_at = fields.DateTime(required=True)
    resolved_at = fields.DateTime(allow_none=True)


class DayQuery(Schema):
    """One day, or all."""

    day = business_day(load_default=None)


class DiscrepancyTotalSchema(Schema):
    """How many differences of one kind, owner and state there are, and what is at risk."""

    reconciliation_pass = fields.String(required=True, data_key="pass")
    kind = fields.String(required=True)
    owner = fields.String(required=True)
    status = fields.String(required=True)
    discrepancies = fields.Integer(required=True)
    amount_at_risk = MoneyField(prefix="amount_at_risk", required=True)
    oldest_at = fields.DateTime(required=True)


class CauseSchema(Schema):
    """Where a difference comes from, or how it was settled."""

    cause = fields.String(required=True, validate=rules.Length(1, 500))


class RunSchema(Schema):
    """The latest run over one day."""

    id = fields.UUID(required=True)
    day = fields.Date(required=True)
    day_close_id = fields.UUID(allow_none=True)
    statement_id = fields.UUID(allow_none=True)
    run_count = fields.Integer(required=True)
    checked_count = fields.Integer(required=True)
    found_count = fields.Integer(required=True)
    finished_at = fields.DateTime(required=True)


class DayWishSchema(Schema):
    """Which day, in the platform's business zone."""

    day = business_day(required=True)


class AskedSchema(Schema):
    """A job that was asked for."""

    job_id = fields.UUID(required=True)


class DayCloseSchema(Schema):
    """A day's closing. `tenant_count` is unknown until it has been given out; done when `done_count` reaches it."""

    id = fields.UUID(required=True)
    day = fields.Date(required=True)
    requested_at = fields.DateTime(required=True)
    tenant_count = fields.Integer(allow_none=True)
    done_count = fields.Integer(required=True)
    is_done = fields.Boolean(required=True)

"""Runs, rules and the closing of days, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.billing.reconciliation.models import MODES
from tandem.kernel.http import PageQuery, Schema


class DayQuery(Schema):
    """One day, or all."""

    day = business_day(load_default=None)


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


class PassRunsQuery(PageQuery):
    """Runs of one comparison, or of all."""

    comparison = fields.String(load_default=None, validate=rules.Length(1, 60))


class ComparisonRunSchema(Schema):
    """One run of one comparison."""

    id = fields.UUID(required=True)
    comparison = fields.String(required=True)
    mode = fields.String(required=True, validate=rules.OneOf(MODES))
    checked_count = fields.Integer(required=True)
    changed_count = fields.Integer(required=True)
    new_count = fields.Integer(required=True)
    open_count = fields.Integer(required=True)
    is_parked = fields.Boolean(required=True)
    rule_version = fields.Integer(required=True)
    started_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(required=True)


class ComparisonReleaseSchema(Schema):
    """Which parked comparison may go on, and why."""

    comparison = fields.String(required=True, validate=rules.Length(1, 60))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class ReconciliationRuleWishSchema(Schema):
    """A rule's name, its value from now on, and why."""

    name = fields.String(required=True, validate=rules.Length(1, 100))
    value = fields.Integer(required=True, validate=rules.Range(0, 10**12))
    because = fields.String(required=True, validate=rules.Length(1, 500))


class ReconciliationRuleSchema(Schema):
    """One version of one rule."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    value = fields.Integer(required=True)
    because = fields.String(required=True)
    set_at = fields.DateTime(required=True)

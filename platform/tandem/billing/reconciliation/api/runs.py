"""Reconciling over HTTP: runs and how far they came, rules, and the closing of days."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.reconciliation import commands, desk, jobs, queries
from tandem.billing.reconciliation.errors import (
    DayNotOver,
    NotParked,
    RuleUnknown,
    RuleVersionTaken,
)
from tandem.billing.reconciliation.models import ReconciliationRule
from tandem.billing.reconciliation.schemas import (
    AskedSchema,
    ComparisonReleaseSchema,
    ComparisonRunSchema,
    DayCloseSchema,
    DayWishSchema,
    PassRunsQuery,
    ReconciliationRuleSchema,
    ReconciliationRuleWishSchema,
    RunSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.jobs import enqueue

hospital_api = Api("reconciliation_runs", audience="hospital", tag="Reconciliation")
operator_api = Api("reconciliation_runs", audience="operator", tag="Reconciliation")
APIS: Final = [hospital_api, operator_api]
_OF: Final = "/organizations/<uuid:organization_id>"
_READS: Final[dict[str, Any]] = {"allow": "reconciliation.read", "many": True}


@hospital_api.get("/reconciliation_runs", gives=RunSchema, query=PageQuery, **_READS)
@operator_api.get(f"{_OF}/reconciliation_runs", gives=RunSchema, query=PageQuery, **_READS)
def list_runs(query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """Reconciled days, the latest first."""
    return queries.runs(**query)


@hospital_api.get("/comparison_runs", gives=ComparisonRunSchema, query=PassRunsQuery, **_READS)
@operator_api.get(f"{_OF}/comparison_runs", gives=ComparisonRunSchema, query=PassRunsQuery, **_READS)
def list_comparison_runs(query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """Runs of comparisons, the latest first: how much each looked at, and what was new."""
    return desk.comparison_runs(**query)


@operator_api.post(
    f"{_OF}/reconciliation_runs",
    allow="reconciliation.run",
    takes=DayWishSchema,
    gives=AskedSchema,
    status=202,
    problems=(DayNotOver,),
)
def reconcile_day(organization_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Reconcile one day of an organisation again; a job does it."""
    commands.require_day_over(wish["day"])
    return {"job_id": enqueue(jobs.reconcile_day, day=wish["day"])}


@operator_api.post(f"{_OF}/full_reconciliation_runs", allow="reconciliation.run", gives=AskedSchema, status=202)
def reconcile_fully(organization_id: UUID) -> dict[str, Any]:
    """Hold everything against everything once more; a job does it. It finds nothing new, or says what was missed."""
    return {"job_id": enqueue(jobs.reconcile_fully)}


@operator_api.post(
    f"{_OF}/comparison_releases",
    allow="reconciliation.run",
    takes=ComparisonReleaseSchema,
    status=204,
    problems=(NotParked,),
)
def release_comparison(organization_id: UUID, wish: dict[str, Any]) -> None:
    """Let a parked comparison go on with all that it held back."""
    commands.release_comparison(wish["comparison"], because=wish["because"])


@operator_api.get("/reconciliation_rules", gives=ReconciliationRuleSchema, query=PageQuery, across=True, **_READS)
def list_rules(query: dict[str, Any]) -> Page:
    """Every version of every rule that was set, the latest first."""
    return desk.rules(**query)


@operator_api.post(
    "/reconciliation_rules",
    allow="days.close",
    takes=ReconciliationRuleWishSchema,
    gives=ReconciliationRuleSchema,
    problems=(RuleUnknown, RuleVersionTaken),
)
def set_rule(wish: dict[str, Any]) -> ReconciliationRule:
    """Set a rule for every run that begins from now on."""
    return commands.set_rule(wish["name"], wish["value"], because=wish["because"])


@operator_api.post(
    "/day_closes",
    allow="days.close",
    takes=DayWishSchema,
    gives=DayCloseSchema,
    status=202,
    problems=(DayNotOver,),
)
def close_day(wish: dict[str, Any]) -> dict[str, Any]:
    """Close a day: every hospital proposes its statement and reconciles, each in a job of its own."""
    row = commands.request_day_close(wish["day"])
    enqueue(jobs.fan_out_day_close, day_close_id=row.id)
    return {"id": row.id, "day": row.day, "requested_at": row.requested_at, "tenant_count": None} | _progress(None, 0)


@operator_api.get("/day_closes/<uuid:day_close_id>", allow="days.close", gives=DayCloseSchema, across=True)
def show_day_close(day_close_id: UUID) -> dict[str, Any]:
    """How far a day's closing is."""
    row = dict(queries.day_close_progress(day_close_id))
    return row | _progress(row["tenant_count"], row["done_count"])


def _progress(tenant_count: int | None, done_count: int) -> dict[str, Any]:
    return {"done_count": done_count, "is_done": tenant_count is not None and done_count >= tenant_count}

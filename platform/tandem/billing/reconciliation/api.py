"""Differences over HTTP: both sides see the same rows; who owns one does not settle it alone."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.reconciliation import commands, jobs, queries
from tandem.billing.reconciliation.errors import DayNotOver, OwnFinding
from tandem.billing.reconciliation.models import Discrepancy
from tandem.billing.reconciliation.schemas import (
    AskedSchema,
    CauseSchema,
    DayCloseSchema,
    DayQuery,
    DayWishSchema,
    DiscrepanciesQuery,
    DiscrepancySchema,
    DiscrepancyTotalSchema,
    RunSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.jobs import enqueue
from tandem.kernel.tenancy import tenant_id

hospital_api = Api("reconciliation", audience="hospital", tag="Reconciliation")
operator_api = Api("reconciliation", audience="operator", tag="Reconciliation")
APIS: Final = [hospital_api, operator_api]
_OF: Final = "/organizations/<uuid:organization_id>"


@hospital_api.get(
    "/discrepancies", allow="reconciliation.read", gives=DiscrepancySchema, many=True, query=DiscrepanciesQuery
)
def list_discrepancies(query: dict[str, Any]) -> Page:
    """The hospital's differences, newest first."""
    return queries.discrepancies(tenant=tenant_id(), **query)


@hospital_api.get("/reconciliation_runs", allow="reconciliation.read", gives=RunSchema, many=True, query=PageQuery)
def list_runs(query: dict[str, Any]) -> Page:
    """Reconciled days, the latest first."""
    return queries.runs(**query)


@hospital_api.post(
    "/discrepancies/<uuid:discrepancy_id>/explanations",
    allow="reconciliation.resolve",
    takes=CauseSchema,
    gives=DiscrepancySchema,
)
def explain_discrepancy(discrepancy_id: UUID, wish: dict[str, Any]) -> Discrepancy:
    """Say where a difference comes from."""
    return commands.explain(discrepancy_id, cause=wish["cause"], party="hospital")


@hospital_api.post(
    "/discrepancies/<uuid:discrepancy_id>/resolutions",
    allow="reconciliation.resolve",
    takes=CauseSchema,
    gives=DiscrepancySchema,
    problems=(OwnFinding,),
)
def resolve_discrepancy(discrepancy_id: UUID, wish: dict[str, Any]) -> Discrepancy:
    """Settle a difference that the other side owns."""
    return commands.resolve(discrepancy_id, cause=wish["cause"], party="hospital")


@operator_api.get(
    "/discrepancies",
    allow="reconciliation.read",
    gives=DiscrepancySchema,
    many=True,
    query=DiscrepanciesQuery,
    across=True,
)
def list_all_discrepancies(query: dict[str, Any]) -> Page:
    """Differences of all organisations, newest first."""
    return queries.discrepancies(tenant=None, **query)


@operator_api.get(
    "/discrepancy_totals",
    allow="reconciliation.read",
    gives=DiscrepancyTotalSchema,
    many=True,
    query=DayQuery,
    across=True,
)
def list_discrepancy_totals(query: dict[str, Any]) -> Page:
    """Counts and sums at risk by kind, owner and state, of all organisations. On one page."""
    return Page(queries.discrepancy_totals(query["day"]), None)


@operator_api.get(
    f"{_OF}/discrepancies", allow="reconciliation.read", gives=DiscrepancySchema, many=True, query=DiscrepanciesQuery
)
def list_discrepancies_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """An organisation's differences, newest first."""
    return queries.discrepancies(tenant=organization_id, **query)


@operator_api.post(
    f"{_OF}/discrepancies/<uuid:discrepancy_id>/explanations",
    allow="reconciliation.resolve",
    takes=CauseSchema,
    gives=DiscrepancySchema,
)
def explain_discrepancy_of_organization(
    organization_id: UUID, discrepancy_id: UUID, wish: dict[str, Any]
) -> Discrepancy:
    """Say where a difference comes from."""
    return commands.explain(discrepancy_id, cause=wish["cause"], party="operator")


@operator_api.post(
    f"{_OF}/discrepancies/<uuid:discrepancy_id>/resolutions",
    allow="reconciliation.resolve",
    takes=CauseSchema,
    gives=DiscrepancySchema,
    problems=(OwnFinding,),
)
def resolve_discrepancy_of_organization(
    organization_id: UUID, discrepancy_id: UUID, wish: dict[str, Any]
) -> Discrepancy:
    """Settle a difference that the other side owns."""
    return commands.resolve(discrepancy_id, cause=wish["cause"], party="operator")


@operator_api.get(
    f"{_OF}/reconciliation_runs", allow="reconciliation.read", gives=RunSchema, many=True, query=PageQuery
)
def list_runs_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """An organisation's reconciled days, the latest first."""
    return queries.runs(**query)


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

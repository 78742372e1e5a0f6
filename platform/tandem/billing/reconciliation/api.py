"""Differences over HTTP: both sides see the same rows; one side proposes how they are settled, the other agrees."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.reconciliation import commands, desk, jobs, queries
from tandem.billing.reconciliation.errors import (
    AlreadyProposed,
    BankFileElsewhere,
    BankFileRefused,
    BankFileUnreadable,
    DayNotOver,
    GroupWithoutJournals,
    JournalNotBalanced,
    NoStatementYet,
    NothingInGroup,
    NotParked,
    ProposalOutdated,
    RuleUnknown,
    RuleVersionTaken,
    SameParty,
)
from tandem.billing.reconciliation.models import BankStatement, Discrepancy, DiscrepancyResolution, ReconciliationRule
from tandem.billing.reconciliation.schemas import (
    AskedSchema,
    BankFileQuery,
    BankStatementSchema,
    CauseSchema,
    ComparisonReleaseSchema,
    ComparisonRunSchema,
    DayCloseSchema,
    DayQuery,
    DayWishSchema,
    DeskQuery,
    DiscrepanciesQuery,
    DiscrepancyGroupSchema,
    DiscrepancyResolutionSchema,
    DiscrepancyResolutionWishSchema,
    DiscrepancySchema,
    DiscrepancyStepSchema,
    DiscrepancyTotalSchema,
    GroupResolutionWishSchema,
    PassRunsQuery,
    ReconciliationRuleSchema,
    ReconciliationRuleWishSchema,
    ResolutionMemberSchema,
    ResolutionsQuery,
    RunSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.identity import current_actor
from tandem.kernel.jobs import enqueue
from tandem.kernel.sheets import SHEET_PROBLEMS
from tandem.kernel.tenancy import tenant_id

hospital_api = Api("reconciliation", audience="hospital", tag="Reconciliation")
operator_api = Api("reconciliation", audience="operator", tag="Reconciliation")
APIS: Final = [hospital_api, operator_api]
_OF: Final = "/organizations/<uuid:organization_id>"
_ONE: Final = "/discrepancies/<uuid:discrepancy_id>"
_PROPOSED: Final = "/discrepancy_resolutions/<uuid:resolution_id>"
_READS: Final[dict[str, Any]] = {"allow": "reconciliation.read", "many": True}
_DECIDES: Final[dict[str, Any]] = {"allow": "reconciliation.resolve"}


@hospital_api.get("/discrepancies", gives=DiscrepancySchema, query=DiscrepanciesQuery, **_READS)
@operator_api.get(f"{_OF}/discrepancies", gives=DiscrepancySchema, query=DiscrepanciesQuery, **_READS)
def list_discrepancies(query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """An organisation's differences, newest first."""
    return queries.discrepancies(tenant=organization_id or tenant_id(), **query)


@operator_api.get("/discrepancies", gives=DiscrepancySchema, query=DiscrepanciesQuery, across=True, **_READS)
def list_all_discrepancies(query: dict[str, Any]) -> Page:
    """Differences of all organisations, newest first."""
    return queries.discrepancies(tenant=None, **query)


@hospital_api.get("/reconciliation_desk", gives=DiscrepancySchema, query=DeskQuery, **_READS)
def show_own_desk(query: dict[str, Any]) -> Page:
    """What is unresolved here, the most money or the oldest first."""
    return desk.unresolved(tenant=tenant_id(), **query)


@operator_api.get("/reconciliation_desk", gives=DiscrepancySchema, query=DeskQuery, across=True, **_READS)
def show_desk(query: dict[str, Any]) -> Page:
    """What is unresolved of all organisations, the most money or the oldest first."""
    return desk.unresolved(tenant=None, **query)


@hospital_api.get("/discrepancy_groups", gives=DiscrepancyGroupSchema, query=PageQuery, **_READS)
@operator_api.get(f"{_OF}/discrepancy_groups", gives=DiscrepancyGroupSchema, query=PageQuery, **_READS)
def list_discrepancy_groups(query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """What is unresolved by its root: a million of one cause are one line. The most money first."""
    return desk.groups(tenant=organization_id or tenant_id(), **query)


@operator_api.get("/discrepancy_groups", gives=DiscrepancyGroupSchema, query=PageQuery, across=True, **_READS)
def list_all_discrepancy_groups(query: dict[str, Any]) -> Page:
    """What is unresolved of all organisations by its root, the most money first."""
    return desk.groups(tenant=None, **query)


@hospital_api.get(f"{_ONE}/steps", gives=DiscrepancyStepSchema, query=PageQuery, **_READS)
@operator_api.get(f"{_OF}{_ONE}/steps", gives=DiscrepancyStepSchema, query=PageQuery, **_READS)
def list_steps(discrepancy_id: UUID, query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """A difference's history: opened, explained, resolved, opened again, and by whom."""
    queries.discrepancy(discrepancy_id, for_update=False)
    return desk.steps(discrepancy_id, **query)


@hospital_api.post(f"{_ONE}/explanations", takes=CauseSchema, gives=DiscrepancySchema, **_DECIDES)
@operator_api.post(f"{_OF}{_ONE}/explanations", takes=CauseSchema, gives=DiscrepancySchema, **_DECIDES)
def explain_discrepancy(discrepancy_id: UUID, wish: dict[str, Any], organization_id: UUID | None = None) -> Discrepancy:
    """Say where a difference comes from."""
    return commands.explain(discrepancy_id, cause=wish["cause"], party=_party())


@hospital_api.post(f"{_ONE}/reopenings", takes=CauseSchema, gives=DiscrepancySchema, **_DECIDES)
@operator_api.post(f"{_OF}{_ONE}/reopenings", takes=CauseSchema, gives=DiscrepancySchema, **_DECIDES)
def reopen_discrepancy(discrepancy_id: UUID, wish: dict[str, Any], organization_id: UUID | None = None) -> Discrepancy:
    """Take up a difference again that was settled."""
    return commands.reopen(discrepancy_id, cause=wish["cause"])


_PROPOSING: Final[dict[str, Any]] = {
    "takes": DiscrepancyResolutionWishSchema,
    "gives": DiscrepancyResolutionSchema,
    "problems": (AlreadyProposed, JournalNotBalanced, NoStatementYet),
}


@hospital_api.post(f"{_ONE}/resolutions", **_PROPOSING, **_DECIDES)
@operator_api.post(f"{_OF}{_ONE}/resolutions", **_PROPOSING, **_DECIDES)
def propose_resolution(
    discrepancy_id: UUID, wish: dict[str, Any], organization_id: UUID | None = None
) -> DiscrepancyResolution:
    """Say how a difference is to be settled: by its proposed journal, another, or none; the other party decides."""
    by_hand = wish["journal"]
    lines = None if by_hand is None else {line["account"]: line["amount_minor"] for line in by_hand}
    return commands.propose_resolution(discrepancy_id, cause=wish["cause"], lines=lines, party=_party())


_PROPOSING_GROUP: Final[dict[str, Any]] = {
    "takes": GroupResolutionWishSchema,
    "gives": DiscrepancyResolutionSchema,
    "problems": (NothingInGroup, GroupWithoutJournals, NoStatementYet),
}


@hospital_api.post("/discrepancy_group_resolutions", **_PROPOSING_GROUP, **_DECIDES)
@operator_api.post(f"{_OF}/discrepancy_group_resolutions", **_PROPOSING_GROUP, **_DECIDES)
def propose_group_resolution(wish: dict[str, Any], organization_id: UUID | None = None) -> DiscrepancyResolution:
    """Say how all differences of one root are to be settled, by their own journals or none; the other party decides."""
    return commands.propose_group_resolution(
        wish["reconciliation_pass"], wish["kind"], wish["cause_group"], cause=wish["cause"],
        books=wish["journal"] is None, party=_party(),
    )  # fmt: skip


@hospital_api.get("/discrepancy_resolutions", gives=DiscrepancyResolutionSchema, query=ResolutionsQuery, **_READS)
@operator_api.get(f"{_OF}/discrepancy_resolutions", gives=DiscrepancyResolutionSchema, query=ResolutionsQuery, **_READS)
def list_resolutions(query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """What was proposed, newest first."""
    return desk.resolutions(**query)


@hospital_api.get(f"{_PROPOSED}/members", gives=ResolutionMemberSchema, query=PageQuery, **_READS)
@operator_api.get(f"{_OF}{_PROPOSED}/members", gives=ResolutionMemberSchema, query=PageQuery, **_READS)
def list_members(resolution_id: UUID, query: dict[str, Any], organization_id: UUID | None = None) -> Page:
    """The differences that a group's resolution is about, each with its journal and what became of it."""
    queries.resolution(resolution_id)
    return desk.members(resolution_id, **query)


_APPROVING: Final[dict[str, Any]] = {
    "gives": DiscrepancyResolutionSchema,
    "problems": (SameParty, ProposalOutdated),
    **_DECIDES,
}


@hospital_api.post(f"{_PROPOSED}/approvals", **_APPROVING)
@operator_api.post(f"{_OF}{_PROPOSED}/approvals", **_APPROVING)
def approve_resolution(resolution_id: UUID, organization_id: UUID | None = None) -> DiscrepancyResolution:
    """Agree with the other party's proposal; its journal is booked by a job."""
    return commands.approve_resolution(resolution_id, party=_party())


@hospital_api.post(f"{_PROPOSED}/rejections", gives=DiscrepancyResolutionSchema, problems=(SameParty,), **_DECIDES)
@operator_api.post(f"{_OF}{_PROPOSED}/rejections", gives=DiscrepancyResolutionSchema, problems=(SameParty,), **_DECIDES)
def reject_resolution(resolution_id: UUID, organization_id: UUID | None = None) -> DiscrepancyResolution:
    """Do not agree; the difference stays as it was."""
    return commands.reject_resolution(resolution_id, party=_party())


_FILES: Final[dict[str, Any]] = {
    "allow": "reconciliation.resolve",
    "upload": ("text/csv", "application/xml", "application/octet-stream"),
    "query": BankFileQuery,
    "gives": BankStatementSchema,
    "problems": (BankFileUnreadable, BankFileElsewhere, BankFileRefused, *SHEET_PROBLEMS),
}


@hospital_api.post("/bank_statements", **_FILES)
@operator_api.post("/bank_statements", **_FILES)
def take_in_bank_statement(upload: bytes, query: dict[str, Any]) -> BankStatement:
    """Upload a bank's file (CSV by a profile, or CAMT.053) of the caller's own account; a job matches it."""
    statement = commands.take_in_bank_file(upload, **query)
    enqueue(jobs.match_bank_lines)
    return statement


@hospital_api.get("/bank_statements", gives=BankStatementSchema, query=PageQuery, **_READS)
@operator_api.get("/bank_statements", gives=BankStatementSchema, query=PageQuery, **_READS)
def list_bank_statements(query: dict[str, Any]) -> Page:
    """The caller's own bank files, the latest first."""
    return desk.bank_statements(**query)


@operator_api.get("/discrepancy_totals", gives=DiscrepancyTotalSchema, query=DayQuery, across=True, **_READS)
def list_discrepancy_totals(query: dict[str, Any]) -> Page:
    """Counts and sums at risk by kind, owner and state, of all organisations. On one page."""
    return Page(queries.discrepancy_totals(query["day"]), None)


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


def _party() -> str:
    """For which of the two parties the caller speaks."""
    return "operator" if current_actor().audience == "operator" else "hospital"


def _progress(tenant_count: int | None, done_count: int) -> dict[str, Any]:
    return {"done_count": done_count, "is_done": tenant_count is not None and done_count >= tenant_count}

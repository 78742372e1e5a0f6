"""Differences over HTTP: both sides see the same rows; one proposes how they are settled, the other agrees."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.reconciliation import commands, desk, queries
from tandem.billing.reconciliation.errors import (
    AlreadyProposed,
    GroupWithoutJournals,
    JournalNotBalanced,
    NoStatementYet,
    NothingInGroup,
    ProposalOutdated,
    SameParty,
)
from tandem.billing.reconciliation.models import Discrepancy, DiscrepancyResolution
from tandem.billing.reconciliation.schemas import (
    CauseSchema,
    DayQuery,
    DeskQuery,
    DiscrepanciesQuery,
    DiscrepancyGroupSchema,
    DiscrepancyResolutionSchema,
    DiscrepancyResolutionWishSchema,
    DiscrepancySchema,
    DiscrepancyStepSchema,
    DiscrepancyTotalSchema,
    GroupResolutionWishSchema,
    ResolutionMemberSchema,
    ResolutionsQuery,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.identity import current_actor
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


@operator_api.get("/discrepancy_totals", gives=DiscrepancyTotalSchema, query=DayQuery, across=True, **_READS)
def list_discrepancy_totals(query: dict[str, Any]) -> Page:
    """Counts and sums at risk by kind, owner and state, of all organisations. On one page."""
    return Page(queries.discrepancy_totals(query["day"]), None)


def _party() -> str:
    """For which of the two parties the caller speaks."""
    return "operator" if current_actor().audience == "operator" else "hospital"

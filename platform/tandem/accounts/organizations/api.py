"""Organisations as the operator administers them, and as each sees itself."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tandem.accounts.fields import BecauseSchema
from tandem.accounts.organizations import commands, queries
from tandem.accounts.organizations.errors import (
    OrganizationExists,
    RequirementsMissing,
    RequirementUnknown,
    SecondPersonNeeded,
)
from tandem.accounts.organizations.models import Organization, OrganizationRequirement
from tandem.accounts.organizations.schemas import (
    ApplicationSchema,
    OrganizationCardSchema,
    OrganizationChangeSchema,
    OrganizationCountsSchema,
    OrganizationFilterSchema,
    OrganizationListSchema,
    OrganizationSchema,
    OwnChangeSchema,
    RequirementDecisionSchema,
    RequirementSchema,
    StepSchema,
)
from tandem.kernel.access import Audience
from tandem.kernel.database import Page
from tandem.kernel.http import Api, check_if_match
from tandem.kernel.tenancy import acting_for, transaction

api = Api("organizations", audience="operator", tag="Organizations")
_ONE: Final = "/organizations/<uuid:organization_id>"


@api.post(
    "/applications",
    allow="organizations.apply",
    takes=ApplicationSchema,
    gives=OrganizationSchema,
    across=True,
    problems=(OrganizationExists,),
)
def apply_for(wish: dict[str, Any]) -> Organization:
    """Draft an application on behalf of a hospital or an employer."""
    kind, name = wish["kind"], wish["name"]
    tenant = queries.natural_id(kind, name=name, city=wish.get("city"), uscc=wish.get("uscc"))
    # The draft lives in the new organisation's own tenant; named by nature, it cannot be made twice.
    with acting_for(tenant, operator=True), transaction():
        return commands.open_application(source="operator", facts=wish)


@api.get("/applications", allow="organizations.read", gives=OrganizationCardSchema, many=True, across=True)
def list_applications(query: dict[str, Any]) -> Page:
    """Applications that wait for somebody, the oldest first."""
    return queries.applications(limit=query["limit"], after=query["after"])


@api.get(
    "/organizations",
    allow="organizations.read",
    query=OrganizationListSchema,
    gives=OrganizationCardSchema,
    many=True,
    across=True,
)
def list_organizations(query: dict[str, Any]) -> Page:
    """Organisations of every kind, ordered by the pronunciation of their names."""
    limit, after = query.pop("limit"), query.pop("after")
    return queries.organizations(query, limit=limit, after=after)


@api.get(
    "/organizations/counts",
    allow="organizations.read",
    query=OrganizationFilterSchema,
    gives=OrganizationCountsSchema,
    across=True,
)
def count_organizations(query: dict[str, Any]) -> dict[str, Any]:
    """How many organisations the same filters choose."""
    return queries.organization_counts(query)


@api.get(_ONE, allow="organizations.read", gives=OrganizationSchema)
def show_organization(organization_id: UUID) -> Organization:
    """One organisation, with the steps its state allows."""
    return queries.own_organization()


@api.patch(_ONE, allow="organizations.review", takes=OrganizationChangeSchema, gives=OrganizationSchema, versioned=True)
def correct_organization(organization_id: UUID, wish: dict[str, Any]) -> Organization:
    """Correct what is known about an organisation."""
    organization = queries.own_organization(for_update=True)
    check_if_match(organization)
    return commands.correct_organization(organization, wish)


@api.get(f"{_ONE}/timeline", allow="organizations.read", gives=StepSchema, many=True)
def list_steps(organization_id: UUID, query: dict[str, Any]) -> Page:
    """The steps of an organisation's admission, oldest first."""
    return queries.timeline(limit=query["limit"], after=query["after"])


@api.get(f"{_ONE}/requirements", allow="organizations.read", gives=RequirementSchema, many=True)
def list_requirements(organization_id: UUID, query: dict[str, Any]) -> Sequence[OrganizationRequirement]:
    """What the organisation must show before approval and before it goes live."""
    return queries.requirements()


@api.put(
    f"{_ONE}/requirements/<string:code>",
    allow="organizations.approve",
    takes=RequirementDecisionSchema,
    gives=RequirementSchema,
    problems=(RequirementUnknown,),
)
def decide_requirement(organization_id: UUID, code: str, wish: dict[str, str]) -> OrganizationRequirement:
    """Decide a requirement: evidence was seen elsewhere, or it is waived."""
    if wish["status"] == "met":
        return commands.meet_requirement(code, evidence=wish["evidence"])
    return commands.waive_requirement(code, because=wish["evidence"])


@api.post(f"{_ONE}/submissions", allow="organizations.apply", gives=OrganizationSchema)
def submit(organization_id: UUID) -> Organization:
    """Submit an application on the organisation's behalf."""
    return commands.submit_organization()


@api.post(f"{_ONE}/reviews", allow="organizations.review", gives=OrganizationSchema, problems=(SecondPersonNeeded,))
def review(organization_id: UUID) -> Organization:
    """Take an application on; whoever submitted it cannot."""
    return commands.review_organization()


@api.post(f"{_ONE}/information_requests", allow="organizations.review", takes=BecauseSchema, gives=OrganizationSchema)
def ask_for_information(organization_id: UUID, wish: dict[str, str]) -> Organization:
    """Send an application back with a question."""
    return commands.ask_for_information(because=wish["because"])


@api.post(
    f"{_ONE}/approvals",
    allow="organizations.approve",
    gives=OrganizationSchema,
    problems=(SecondPersonNeeded, RequirementsMissing),
)
def approve(organization_id: UUID) -> Organization:
    """Admit an organisation; whoever reviewed it cannot."""
    return commands.approve_organization()


@api.post(
    f"{_ONE}/rejections",
    allow="organizations.approve",
    takes=BecauseSchema,
    gives=OrganizationSchema,
    problems=(SecondPersonNeeded,),
)
def reject(organization_id: UUID, wish: dict[str, str]) -> Organization:
    """Refuse an application; whoever reviewed it cannot."""
    return commands.reject_organization(because=wish["because"])


@api.post(f"{_ONE}/withdrawals", allow="organizations.apply", takes=BecauseSchema, gives=OrganizationSchema)
def withdraw(organization_id: UUID, wish: dict[str, str]) -> Organization:
    """Withdraw an application on the organisation's behalf."""
    return commands.withdraw_organization(because=wish["because"])


@api.post(
    f"{_ONE}/activations",
    allow="organizations.approve",
    gives=OrganizationSchema,
    problems=(RequirementsMissing,),
)
def activate(organization_id: UUID) -> Organization:
    """Let an approved organisation work, or a suspended one again."""
    return commands.activate_organization()


@api.post(f"{_ONE}/suspensions", allow="organizations.suspend", takes=BecauseSchema, gives=OrganizationSchema)
def suspend(organization_id: UUID, wish: dict[str, str]) -> Organization:
    """Stop an organisation's new bookings at once; care already begun may finish."""
    return commands.suspend_organization(because=wish["because"])


def _own(audience: Audience, reads: str, writes: str) -> Api:
    own = Api("organization", audience=audience, url_prefix="/organization", tag="Organization")

    @own.get("", allow=reads, gives=OrganizationSchema)
    def show_own_organization() -> Organization:
        """Your organisation, with the steps its state allows."""
        return queries.own_organization()

    @own.patch("", allow=writes, takes=OwnChangeSchema, gives=OrganizationSchema, versioned=True)
    def correct_own_organization(wish: dict[str, Any]) -> Organization:
        """Correct where your organisation is and how it is reached."""
        organization = queries.own_organization(for_update=True)
        check_if_match(organization)
        return commands.correct_organization(organization, wish)

    @own.get("/timeline", allow=reads, gives=StepSchema, many=True)
    def list_own_steps(query: dict[str, Any]) -> Page:
        """The steps of your admission, oldest first."""
        return queries.timeline(limit=query["limit"], after=query["after"])

    @own.get("/requirements", allow=reads, gives=RequirementSchema, many=True)
    def list_own_requirements(query: dict[str, Any]) -> Sequence[OrganizationRequirement]:
        """What you must still show before approval and before you go live."""
        return queries.requirements()

    @own.post("/submissions", allow=writes, gives=OrganizationSchema)
    def submit_own_application() -> Organization:
        """Submit your application, for the first time or after a question."""
        return commands.submit_organization()

    @own.post("/withdrawals", allow=writes, takes=BecauseSchema, gives=OrganizationSchema)
    def withdraw_own_application(wish: dict[str, str]) -> Organization:
        """Withdraw your application."""
        return commands.withdraw_organization(because=wish["because"])

    return own


APIS: Final = (
    api,
    _own("hospital", "organizations.read", "onboarding.write"),
    _own("employer", "employer.read", "onboarding.write"),
)

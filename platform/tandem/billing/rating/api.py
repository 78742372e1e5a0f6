"""Plans and bills over HTTP: the operator keeps the catalogue and subscribes, whoever is billed reads everything."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.contracts import require_signed
from tandem.billing.rating import commands, queries
from tandem.billing.rating.errors import (
    MeterUnknown,
    PeriodRated,
    PlanVersionTaken,
    PlanVersionUnknown,
    PoolKeyReused,
    RevenueTermForbidden,
    SubscriptionOverlaps,
)
from tandem.billing.rating.models import PlanVersion, PrepaidPool, Subscription
from tandem.billing.rating.schemas import (
    PlanChangeSchema,
    PlanVersionSchema,
    PlanVersionWishSchema,
    PoolSchema,
    PoolWishSchema,
    RatedLineSchema,
    RatedLinesQuery,
    SubscriptionEndSchema,
    SubscriptionSchema,
    SubscriptionWishSchema,
    UsageClaimSchema,
)
from tandem.kernel.access import Audience
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

_TAG: Final = "Plans and rating"
catalogue = Api("plan_versions", audience="operator", url_prefix="/plan_versions", tag=_TAG)
of_organization = Api("rating", audience="operator", url_prefix="/organizations/<uuid:organization_id>", tag=_TAG)
APIS: Final[list[Api]] = [catalogue, of_organization]


def _own(audience: Audience) -> None:
    # What an organisation may see of what it is billed.
    api = Api("rating", audience=audience, tag=_TAG)
    APIS.append(api)

    @api.get("/plan_versions", allow="invoices.read", gives=PlanVersionSchema, many=True, query=PageQuery)
    def list_plan_versions(query: dict[str, Any]) -> Page:
        """The plan versions this organisation has subscribed to, with all their terms."""
        return queries.plan_versions_page(**query)

    @api.get("/subscriptions", allow="invoices.read", gives=SubscriptionSchema, many=True, query=PageQuery)
    def list_subscriptions(query: dict[str, Any]) -> Page:
        """Whose use is billed by which version."""
        return queries.subscriptions_page(**query)

    @api.get("/prepaid_pools", allow="invoices.read", gives=PoolSchema, many=True, query=PageQuery)
    def list_prepaid_pools(query: dict[str, Any]) -> Page:
        """Money paid ahead, and what is left of it."""
        return queries.pools_page(**query)

    @api.get("/rated_lines", allow="invoices.read", gives=RatedLineSchema, many=True, query=RatedLinesQuery)
    def list_rated_lines(query: dict[str, Any]) -> Page:
        """What use came to, line by line."""
        return queries.rated_lines_page(**query)

    @api.get(
        "/rated_lines/<uuid:rated_line_id>/claims",
        allow="invoices.read",
        gives=UsageClaimSchema,
        many=True,
        query=PageQuery,
    )
    def list_claims(rated_line_id: UUID, query: dict[str, Any]) -> Page:
        """The hours of use behind a line."""
        return queries.claims_page(rated_line_id, **query)


@catalogue.get("", allow="agreements.read", gives=PlanVersionSchema, many=True, query=PageQuery)
def list_plan_versions(query: dict[str, Any]) -> Page:
    """The catalogue: every version of every plan."""
    return queries.plan_versions_page(**query)


@catalogue.post(
    "",
    allow="agreements.write",
    takes=PlanVersionWishSchema,
    gives=PlanVersionSchema,
    problems=(MeterUnknown, RevenueTermForbidden, PlanVersionTaken),
)
def add_plan_version(wish: dict[str, Any]) -> PlanVersion:
    """Add the next version of a plan. What is in force keeps the version it was agreed to."""
    return commands.add_plan_version(**wish)


@of_organization.get("/subscriptions", allow="invoices.read", gives=SubscriptionSchema, many=True, query=PageQuery)
def list_subscriptions_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Whose use is billed by which version."""
    return queries.subscriptions_page(**query)


@of_organization.post(
    "/subscriptions",
    allow="agreements.write",
    takes=SubscriptionWishSchema,
    gives=SubscriptionSchema,
    problems=(PlanVersionUnknown, SubscriptionOverlaps),
)
def subscribe(organization_id: UUID, wish: dict[str, Any]) -> Subscription:
    """Bill a subject's use by a version of the catalogue."""
    require_signed(contract_id=wish["contract_id"], programme_id=None)
    return commands.subscribe(**wish)


@of_organization.post(
    "/subscriptions/<uuid:subscription_id>/plan_changes",
    allow="agreements.write",
    takes=PlanChangeSchema,
    gives=SubscriptionSchema,
    problems=(PlanVersionUnknown, PeriodRated, SubscriptionOverlaps),
)
def change_plan(organization_id: UUID, subscription_id: UUID, wish: dict[str, Any]) -> Subscription:
    """Go over to another version on a day, also within a month. The answer is the subscription that follows."""
    return commands.change_plan(subscription_id, **wish)


@of_organization.post(
    "/subscriptions/<uuid:subscription_id>/endings",
    allow="agreements.write",
    takes=SubscriptionEndSchema,
    gives=SubscriptionSchema,
    problems=(PeriodRated,),
)
def end_subscription(organization_id: UUID, subscription_id: UUID, wish: dict[str, Any]) -> Subscription:
    """Bill nothing from a day on."""
    return commands.end_subscription(subscription_id, **wish)


@of_organization.get("/prepaid_pools", allow="invoices.read", gives=PoolSchema, many=True, query=PageQuery)
def list_prepaid_pools_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Money paid ahead, and what is left of it."""
    return queries.pools_page(**query)


@of_organization.post(
    "/prepaid_pools",
    allow="payments.record",
    takes=PoolWishSchema,
    gives=PoolSchema,
    problems=(PoolKeyReused,),
)
def top_up(organization_id: UUID, wish: dict[str, Any]) -> PrepaidPool:
    """Record money paid ahead."""
    return commands.top_up(**wish)


@of_organization.get("/rated_lines", allow="invoices.read", gives=RatedLineSchema, many=True, query=RatedLinesQuery)
def list_rated_lines_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """What an organisation's use came to, line by line."""
    return queries.rated_lines_page(**query)


_own("hospital")
_own("employer")

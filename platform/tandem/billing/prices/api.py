"""Public price ceilings and the limits of the guard on bills, over HTTP."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.prices import ceilings, guard_limits
from tandem.billing.prices.models import GuardLimit, GuardLimitProposal, PriceCeiling
from tandem.billing.prices.schemas import (
    GuardLimitProposalSchema,
    GuardLimitSchema,
    GuardLimitWishSchema,
    PriceCeilingSchema,
    PriceCeilingWishSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

operator_api = Api("prices", audience="operator", url_prefix="/price_ceilings", tag="Prices")
guards_api = Api("guard_limits", audience="operator", tag="Invoices")
APIS: Final = [operator_api, guards_api]


@operator_api.get("", allow="agreements.read", gives=PriceCeilingSchema, many=True, query=PageQuery)
def list_price_ceilings(query: dict[str, Any]) -> Page:
    """What public circulars allow, in the order they were recorded."""
    return ceilings.price_ceilings(**query)


@operator_api.post(
    "",
    allow="agreements.write",
    takes=PriceCeilingWishSchema,
    gives=PriceCeilingSchema,
    problems=(ceilings.CeilingExists,),
)
def add_price_ceiling(wish: dict[str, Any]) -> PriceCeiling:
    """Record what a circular allows."""
    return ceilings.add_price_ceiling(**wish)


@guards_api.get("/guard_limits", allow="invoices.read", gives=GuardLimitSchema, many=True, query=PageQuery)
def list_guard_limits(query: dict[str, Any]) -> Page:
    """What the guard on runaway invoices and statements calls in line: every value, each from its day on."""
    return guard_limits.guard_limits(**query)


@guards_api.get(
    "/guard_limit_proposals", allow="invoices.read", gives=GuardLimitProposalSchema, many=True, query=PageQuery
)
def list_guard_limit_proposals(query: dict[str, Any]) -> Page:
    """Limits that somebody asked for, in the order it was done."""
    return guard_limits.guard_limit_proposals(**query)


@guards_api.post(
    "/guard_limit_proposals",
    allow="invoices.issue",
    takes=GuardLimitWishSchema,
    gives=GuardLimitProposalSchema,
    problems=(guard_limits.GuardLimitDayPassed,),
)
def propose_guard_limit(wish: dict[str, Any]) -> GuardLimitProposal:
    """Ask for another limit from a day to come; a second person decides."""
    return guard_limits.propose_guard_limit(**wish)


@guards_api.post(
    "/guard_limit_proposals/<uuid:proposal_id>/approval",
    allow="settlements.release",
    gives=GuardLimitSchema,
    problems=(
        guard_limits.GuardLimitNeedsSecond,
        guard_limits.GuardLimitDayPassed,
        guard_limits.GuardLimitExists,
    ),
)
def approve_guard_limit(proposal_id: UUID) -> GuardLimit:
    """Put a colleague's proposal in force."""
    return guard_limits.approve_guard_limit(proposal_id)

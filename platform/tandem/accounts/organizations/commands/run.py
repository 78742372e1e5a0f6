"""An admitted organisation's life: going live, suspension, reactivation, corrections."""

from collections.abc import Mapping
from typing import Any

from tandem.accounts.organizations.commands.create import checked_uscc
from tandem.accounts.organizations.commands.steps import take_step
from tandem.accounts.organizations.errors import OrganizationNotLive, RequirementsMissing
from tandem.accounts.organizations.events import OrganizationRenamed, OrganizationSuspended, OrganizationWentLive
from tandem.accounts.organizations.models import Organization
from tandem.accounts.organizations.naming import sort_key
from tandem.accounts.organizations.queries import missing_requirements, organization_or_none, own_organization
from tandem.kernel import audit, clock, outbox

_PUBLIC_FACTS = frozenset({"name", "province", "province_code", "city", "city_code", "address", "phone"})


def require_active() -> None:
    """Raises OrganizationNotLive unless the scope's organisation is live. [any tenant]"""
    organization = organization_or_none()
    if organization is None or organization.status != "live":
        raise OrganizationNotLive(organization_status=organization.status if organization else "unknown")


def activate_organization() -> Organization:
    """Let it work: for the first time, or again after a suspension. [operator supervisor]

    Raises TransitionRefused, RequirementsMissing.
    """
    organization = own_organization(for_update=True)
    take_step(organization, "live")
    if missing := missing_requirements("approval") + missing_requirements("go_live"):
        raise RequirementsMissing(missing=missing)
    organization.live_since = organization.live_since or clock.now()
    organization.suspended_at = None
    outbox.add(OrganizationWentLive(organization.id))
    return organization


def suspend_organization(*, because: str) -> Organization:
    """Stop new bookings at once; care already begun may finish. [operator supervisor] Raises TransitionRefused."""
    organization = own_organization(for_update=True)
    take_step(organization, "suspended", because=because)
    organization.suspended_at = clock.now()
    outbox.add(OrganizationSuspended(organization.id))
    return organization


def correct_organization(organization: Organization, changes: Mapping[str, Any]) -> Organization:
    """Correct what is known about it; the caller has checked the version. [any tenant] Raises Invalid (USCC)."""
    for field, value in changes.items():
        setattr(organization, field, checked_uscc(value) if field == "uscc" and value else value)
    organization.name_sort = sort_key(organization.name)
    audit.record(
        action="organization.corrected",
        object_type="organization",
        object_id=organization.id,
        details={"fields": sorted(changes)},
    )
    if organization.status == "live" and _PUBLIC_FACTS & changes.keys():
        outbox.add(OrganizationRenamed(organization.id))
    return organization

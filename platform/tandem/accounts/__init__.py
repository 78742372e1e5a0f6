"""Organisations of every kind, their agreements, staff and API keys: what the operator administers.

Rooms, each entered only from those above it: applications, imports, oversight > sessions > api_keys > staff >
agreements > organizations. Other slices enter by this door.
"""

from tandem.accounts.agreements.commands import written_terms
from tandem.accounts.agreements.events import AgreementCameInForce
from tandem.accounts.agreements.models import AgreementVersion
from tandem.accounts.agreements.queries import agreement_version, agreement_version_at, ruling_versions
from tandem.accounts.hands import deciding_hand, hand
from tandem.accounts.organizations.commands import (
    activate_organization,
    create_organization,
    found_operator,
    meet_requirement,
    require_active,
    suspend_organization,
)
from tandem.accounts.organizations.errors import OrganizationExists, OrganizationNotLive, RequirementsMissing
from tandem.accounts.organizations.events import OrganizationRenamed, OrganizationSuspended, OrganizationWentLive
from tandem.accounts.organizations.models import Organization
from tandem.accounts.organizations.naming import sort_key
from tandem.accounts.organizations.queries import (
    names_of,
    natural_id,
    organization_or_none,
    own_organization,
    tenants_of,
)

__all__ = [
    "AgreementCameInForce",
    "AgreementVersion",
    "Organization",
    "OrganizationExists",
    "OrganizationNotLive",
    "OrganizationRenamed",
    "OrganizationSuspended",
    "OrganizationWentLive",
    "RequirementsMissing",
    "activate_organization",
    "agreement_version",
    "agreement_version_at",
    "create_organization",
    "deciding_hand",
    "found_operator",
    "hand",
    "meet_requirement",
    "names_of",
    "natural_id",
    "organization_or_none",
    "own_organization",
    "require_active",
    "ruling_versions",
    "sort_key",
    "suspend_organization",
    "tenants_of",
    "written_terms",
]

"""Deciding on an application from outside."""

from collections.abc import Mapping
from uuid import UUID

from tandem.accounts.organizations.commands import open_application
from tandem.accounts.organizations.models import Organization
from tandem.accounts.people.commands import create_person
from tandem.accounts.staff.commands import give_seat
from tandem.accounts.staff.models import ADMIN_ROLES


def apply_in_public(
    facts: Mapping[str, str | None], *, person_id: UUID, is_new: bool, applicant: Mapping[str, str]
) -> Organization:
    """Draft the organisation and seat its first administrator. [its natural id, as the applicant]

    Raises OrganizationExists, Invalid (USCC), LoginTaken.
    """
    organization = open_application(source="application", facts=facts)
    if is_new:
        create_person(person_id, login=applicant["login"], name=applicant["name"], password=applicant["password"])
    give_seat(person_id, roles=[ADMIN_ROLES[organization.kind]], name=applicant["name"])
    return organization

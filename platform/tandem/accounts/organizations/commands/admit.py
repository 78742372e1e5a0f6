"""Admission with four eyes: submit, review, ask, approve or reject; withdraw.

Each command takes its step before it looks closer, so that a step the state table does not have is refused as such;
a later refusal rolls the step back with everything else.
"""

from tandem.accounts.hands import hand
from tandem.accounts.organizations.commands.steps import second_person, take_step
from tandem.accounts.organizations.errors import RequirementsMissing
from tandem.accounts.organizations.models import Organization
from tandem.accounts.organizations.queries import missing_requirements, own_organization
from tandem.kernel import clock


def submit_organization() -> Organization:
    """The application is complete as far as its author can tell. [any tenant] Raises TransitionRefused."""
    organization = own_organization(for_update=True)
    take_step(organization, "submitted")
    organization.submitted_by, organization.submitted_at = hand(), clock.now()
    organization.reviewed_by = organization.approved_by = None
    return organization


def review_organization() -> Organization:
    """Take the application on. [operator staff] Raises TransitionRefused, SecondPersonNeeded for its submitter."""
    organization = own_organization(for_update=True)
    take_step(organization, "under_review")
    organization.reviewed_by = second_person(organization.submitted_by, step="submission")
    organization.reviewed_at = clock.now()
    return organization


def ask_for_information(*, because: str) -> Organization:
    """Send the application back with a question. [operator staff] Raises TransitionRefused."""
    organization = own_organization(for_update=True)
    take_step(organization, "info_requested", because=because)
    return organization


def approve_organization() -> Organization:
    """Admit it. [operator supervisor]

    Raises TransitionRefused, SecondPersonNeeded for its reviewer, RequirementsMissing.
    """
    organization = own_organization(for_update=True)
    take_step(organization, "approved")
    organization.approved_by = second_person(organization.reviewed_by, step="review")
    if missing := missing_requirements("approval"):
        raise RequirementsMissing(missing=missing)
    organization.approved_at = clock.now()
    return organization


def reject_organization(*, because: str) -> Organization:
    """Refuse it, saying why. [operator supervisor] Raises TransitionRefused, SecondPersonNeeded for its reviewer."""
    organization = own_organization(for_update=True)
    take_step(organization, "rejected", because=because)
    second_person(organization.reviewed_by, step="review")
    return organization


def withdraw_organization(*, because: str) -> Organization:
    """Its author takes the application back. [any tenant] Raises TransitionRefused."""
    organization = own_organization(for_update=True)
    take_step(organization, "withdrawn", because=because)
    return organization

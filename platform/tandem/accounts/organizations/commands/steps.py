"""Taking a step: the state table allows it, the audit trail and the timeline keep it."""

from uuid import UUID

from tandem.accounts.hands import hand
from tandem.accounts.organizations.errors import SecondPersonNeeded
from tandem.accounts.organizations.models import NEXT, Organization, OrganizationStep
from tandem.kernel.database import session
from tandem.kernel.identity import current_actor
from tandem.kernel.states import move


def take_step(organization: Organization, to: str, *, because: str | None = None) -> None:
    """Move the organisation and write the step on its timeline. Raises TransitionRefused."""
    before = organization.status
    move(organization, to, NEXT, because=because)
    note_step(organization, before=before, because=because)


def note_step(organization: Organization, *, before: str | None, because: str | None = None) -> None:
    """Write on the timeline where the organisation stands now."""
    session.add(
        OrganizationStep(
            tenant_id=organization.tenant_id,
            organization_id=organization.id,
            from_status=before,
            to_status=organization.status,
            taken_by=hand(),
            taken_by_kind=current_actor().kind,
            because=because,
        )
    )


def second_person(before: UUID | None, *, step: str) -> UUID | None:
    """Whose hand acts now. Raises SecondPersonNeeded when the same hand took the step before."""
    now = hand()
    if before is not None and before == now:
        raise SecondPersonNeeded(done_before=step)
    return now

"""Work on doctors' time that nobody waits for."""

from uuid import UUID

from tandem.kernel.jobs import job
from tenants.schedules import commands


@job(queue="slow")
def follow_practitioner(practitioner_id: UUID) -> None:
    """A doctor was stopped or cleared: their free time goes off offer or comes back."""
    commands.follow_practitioner(practitioner_id)

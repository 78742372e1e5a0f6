"""Work on appointments that nobody waits for."""

from uuid import UUID

from tandem.kernel.jobs import job
from tenants.appointments import commands


@job(queue="fast")
def confirm_appointment(payment_id: UUID) -> None:
    """A payment succeeded: its appointment is booked, or the money goes back."""
    commands.confirm_payment(payment_id)


@job(queue="slow")
def release_expired_holds() -> None:
    """Slots that were held and not paid go back on offer."""
    commands.release_expired_holds()


@job(queue="fast", timeout_seconds=120)
def cancel_for_leave(leave_id: UUID) -> None:
    """A doctor will be away: visits in that time are called off and refunded in full."""
    commands.cancel_for_leave(leave_id)

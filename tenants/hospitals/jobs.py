"""What happens by itself: licences that run out leave validity on their day."""

from tandem.kernel import clock
from tandem.kernel.jobs import job
from tenants.hospitals import commands


@job(queue="slow", timeout_seconds=30)
def expire_licences_by_date() -> None:
    """Move licences whose last day is over to expired; booking asks the dates itself and does not wait for this."""
    commands.expire_licences(on=clock.today())

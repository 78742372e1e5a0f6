"""Each night: who is overdue is reminded."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from tandem.billing.dunning import commands
from tandem.kernel import clock, jobs
from tandem.kernel.jobs import job

AT_MOST: Final = 500


@job(queue="slow", timeout_seconds=120)
def remind_overdue(scheduled_at: datetime) -> None:
    """Remind one customer of what is overdue; what a night's batch did not hold follows at once."""
    on = scheduled_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    if commands.send_reminders(on=on, at_most=AT_MOST) == AT_MOST:
        jobs.enqueue(remind_overdue, scheduled_at=scheduled_at)

"""Rating at the month's end: one transaction for each chunk, until nothing is due."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tandem.billing.rating import commands, queries
from tandem.billing.rating.events import MonthRated
from tandem.kernel import clock, jobs, outbox
from tandem.kernel.jobs import job


@job(queue="slow")
def rate_last_month(scheduled_at: datetime) -> None:
    """A month is over: rate it, and every earlier one that was missed. [hospital, employer]"""
    until = scheduled_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date().replace(day=1)
    jobs.enqueue(rate_until, key=f"rate:{until}", until=until)


@job(queue="slow", timeout_seconds=120)
def rate_until(until: date) -> None:
    """One chunk, and the job for the next one in the same transaction; then the news that the month is rated."""
    month = (until - timedelta(days=1)).replace(day=1)
    worked = commands.rate_due_periods(until) + commands.adjust_late_usage(month)
    if worked:
        jobs.enqueue(rate_until, until=until)
    elif queries.has_lines(month):
        outbox.add(MonthRated(month))

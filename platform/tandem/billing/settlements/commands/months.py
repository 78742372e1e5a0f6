"""The fee that an agreement asks for a month, prorated by the days on which it ruled.

Rule (decision 0032): for each version, its monthly fee times the days of the month on whose last moment it ruled,
divided by the days of the month, rounded once, half away from zero. A day belongs to the version that rules when it
ends, so every day belongs to one version at most and none is paid twice.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tandem.accounts import AgreementVersion, ruling_versions
from tandem.billing.ledger import mirror_currency, post
from tandem.billing.settlements import postings
from tandem.billing.settlements.commands.terms import rule_name
from tandem.kernel import clock, jobs
from tandem.kernel.money import share


def accrue_monthly_fee(month_end: datetime, month: str) -> None:
    """Book a month's fees by the versions that ruled in it, once. [hospital]"""
    at = month_end - timedelta(microseconds=1)
    last_day = at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    ends = [clock.day_bounds(date(last_day.year, last_day.month, day))[1] for day in range(1, last_day.day + 1)]
    versions = {version.id: version for version in ruling_versions()}
    days = Counter(version.id for end in ends for version in [_ruling(versions.values(), end)] if version is not None)
    drafts = [
        postings.monthly_fee(version, month, at, amount_minor, rule_name(version))
        for version_id, count in sorted(days.items())
        for version in [versions[version_id]]
        if (amount_minor := share(version.monthly_minor, Fraction(count, len(ends))))
    ]
    # What an earlier rule booked for this month stays as it was booked; a closing done again changes nothing.
    refusals = [each for each in post(drafts, partly=True).refusals if each.slug != "journal-key-reused"]
    if refusals:
        raise refusals[0]
    for currency in sorted({draft.currency for draft in drafts}):
        jobs.enqueue(mirror_currency, currency=currency)


def _ruling(versions: Iterable[AgreementVersion], end: datetime) -> AgreementVersion | None:
    """The version that rules in the last moment before `end`."""
    ruling = [
        version
        for version in versions
        if version.effective_from is not None
        and version.effective_from < end
        and (version.effective_until is None or version.effective_until >= end)
    ]
    return max(ruling, key=lambda version: version.number, default=None)

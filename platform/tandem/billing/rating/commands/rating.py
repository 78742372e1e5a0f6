"""The month's rating, in chunks: each is one transaction, and what a kill leaves undone the next run does."""

from datetime import date
from typing import Any, Final

from tandem.billing.rating import statements
from tandem.billing.rating.errors import MonthNotOver
from tandem.billing.rating.statements import chunk_of
from tandem.billing.usage import close_usage
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

CHUNK: Final = 5_000
"""Subscriptions rated in one transaction: about a second's work."""


def rate_due_periods(until: date, *, at_most: int = CHUNK) -> int:
    """Rate one chunk of what is due before `until`, the first day of a month that has come; returns how many.

    Nought when nothing is due that nobody else is rating. Use before `until` is closed first: what comes later of that
    time is late and waits for `adjust_late_usage`. One chunk is of one month, the longest due first, so a month that
    was missed is rated before the next. Raises MonthNotOver. [any tenant]
    """
    if until.day != 1 or until > clock.today().replace(day=1):
        raise MonthNotOver(until=str(until))
    close_usage(clock.day_bounds(until)[0])
    due = session.execute(statements.DUE, {"tenant": tenant_id(), "until": until, "at_most": at_most}).all()
    months = [(row.id, row.p0) for row in due if row.p0 == due[0].p0]
    if not months:
        return 0
    chunk = chunk_of(months, [0] * len(months))
    session.execute(statements.CLAIM, chunk)
    session.execute(statements.RATE, chunk)
    _draw(chunk)
    session.execute(statements.ADVANCE, chunk)
    return len(months)


def adjust_late_usage(raised_for: date, *, at_most: int = CHUNK) -> int:
    """Bill one chunk of what came late to months that were rated; returns how many months of subscriptions changed.

    The whole ladder is priced again, and the difference to what was billed is a line on the bill of `raised_for` that
    points back to its month. However old the month: nothing late is ever left out. [any tenant]
    """
    here = {"tenant": tenant_id()}
    stale = session.execute(statements.STALE, here | {"at_most": at_most}).all()
    free = set(session.scalars(statements.LOCK, here | {"ids": sorted({row.id for row in stale})})) if stale else set()
    months = [(row.id, row.p0) for row in stale if row.id in free]
    if months:
        last = {
            (row.id, row.p0): row.revision
            for row in session.execute(statements.REVISIONS, chunk_of(months, [0] * len(months)))
        }
        chunk = chunk_of(months, [last.get(month, 0) + 1 for month in months])
        session.execute(statements.CLAIM, chunk)
        session.execute(statements.ADJUST, chunk | {"raised_for": raised_for})
    session.execute(statements.SETTLE_LATE, here)
    return len(months)


def _draw(chunk: dict[str, Any]) -> None:
    # The pools' rows are the lock: of two runs that draw on one, the second sees what the first has left.
    if session.execute(statements.LOCK_POOLS, {name: chunk[name] for name in ("tenant", "ids")}).first() is not None:
        session.execute(statements.DRAW, chunk)
        session.execute(statements.BURN, chunk)

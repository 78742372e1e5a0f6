"""Which span a new statement takes: the same for every party that the operator settles with."""

from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from tandem.billing.ledger import book_opened_at, cut_of
from tandem.billing.settlements.errors import PeriodAlreadySettled, PeriodNotOver
from tandem.billing.settlements.lines import Cut
from tandem.kernel import clock
from tandem.kernel.errors import Problem


class Settled(Protocol):
    """What a statement that was made says of its span."""

    last_day: date
    cut_seq: int


def ends_on(last: Settled | None, through: date) -> bool:
    """Whether the last statement ends on this very day already.

    Raises PeriodNotOver, and PeriodAlreadySettled for a day inside an earlier statement.
    """
    _, until = clock.day_bounds(through)
    if until > clock.now():
        raise PeriodNotOver(through=through.isoformat())
    if last is not None and last.last_day > through:
        raise PeriodAlreadySettled(settled_through=last.last_day.isoformat())
    return last is not None and last.last_day == through


def next_span(last: Settled | None, through: date, currency: str, *, empty: type[Problem]) -> tuple[Cut, date]:
    """The cut of the statement after `last`, up to and with the day `through`, and its first day.

    It begins the day after the last one, or on the day the book was opened. Raises `empty` where there is no book.
    """
    _, until = clock.day_bounds(through)
    first_day = last.last_day + timedelta(days=1) if last is not None else _opening_day(currency, through, empty)
    since, _ = clock.day_bounds(first_day)
    return Cut(currency, since, until, last.cut_seq if last is not None else 0, cut_of(currency)), first_day


def _opening_day(currency: str, through: date, empty: type[Problem]) -> date:
    opened_at = book_opened_at(currency)
    if opened_at is None:
        raise empty
    return min(opened_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date(), through)

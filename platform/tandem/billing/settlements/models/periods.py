"""What statements of either kind are of: one period after another, of one party, up to a place in its book."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Constraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from tandem.kernel.choices import one_of
from tandem.kernel.money import CURRENCIES


class OfAPeriod:
    """A party's statement by its number: the days it is of, and the places in the book that it lies between. 结算期间

    `first_day` and `last_day` are the party's own; `period_start` and `period_end` their instants, without the end.
    """

    number: Mapped[int]
    currency: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    cut_seq: Mapped[int]
    previous_cut_seq: Mapped[int]


def one_after_another() -> tuple[Constraint, ...]:
    """No number and no period end twice; a period and its cut never end before they begin."""
    return (
        UniqueConstraint("tenant_id", "currency", "number"),
        UniqueConstraint("tenant_id", "currency", "period_end"),
        one_of("currency", CURRENCIES),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("cut_seq >= previous_cut_seq", name="cut"),
    )

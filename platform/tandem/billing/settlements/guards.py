"""The runaway guard: a statement out of line with its history is parked, loudly, until somebody has looked at it.

Bounds after Kill Bill's: against the median of the periods before, by the day, so that a week may follow a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Final

from tandem.billing.settlements.models import SettlementStatement

_WATCHED: Final = ("gross_minor", "refunds_minor", "operator_fee_minor")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still in line, as the operator has set it for a day (`guard_limit`).

    `amount_floor_minor`: a day's sum below it is small, whatever it is compared with. `quiet_days`: so long nothing at
    all, where there used to be something, is no holiday.
    """

    history_periods: int
    history_least: int
    times_median: int
    amount_floor_minor: int
    quiet_days: int


def out_of_line(row: SettlementStatement, before: Sequence[SettlementStatement], limits: Limits) -> str | None:
    """Why a statement is not to be proposed yet, or None; without enough history nothing is out of line."""
    if len(before) < limits.history_least:
        return None
    for name in _WATCHED:
        usual = median(_by_day(each, name) for each in before)
        now = _by_day(row, name)
        if now > limits.times_median * max(usual, Fraction(limits.amount_floor_minor)):
            return f"{name}: {int(now)} a day where {int(usual)} is usual"
        if name == "gross_minor" and now == 0 and usual > limits.amount_floor_minor and _days(row) >= limits.quiet_days:
            return f"{name}: nothing for {_days(row)} days where {int(usual)} a day is usual"
    return None


def _by_day(row: SettlementStatement, name: str) -> Fraction:
    return Fraction(abs(getattr(row, name)), _days(row))


def _days(row: SettlementStatement) -> int:
    return (row.last_day - row.first_day).days + 1

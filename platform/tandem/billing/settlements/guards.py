"""The runaway guard: a statement out of line with its history is parked, loudly, until somebody has looked at it.

Bounds after Kill Bill's: against the median of the periods before, by the day, so that a week may follow a day.
"""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Final

from tandem.billing.settlements.models import SettlementStatement

HISTORY: Final = 6
ENOUGH: Final = 3
FACTOR: Final = 10
FLOOR_MINOR: Final = 100_000
"""A day's sum below this (1,000 yuan) is small, whatever it is compared with."""
QUIET_DAYS: Final = 7
"""So long nothing at all, where there used to be something, is no holiday."""
_WATCHED: Final = ("gross_minor", "refunds_minor", "operator_fee_minor")


def out_of_line(row: SettlementStatement, before: Sequence[SettlementStatement]) -> str | None:
    """Why a statement is not to be proposed yet, or None; without enough history nothing is out of line."""
    if len(before) < ENOUGH:
        return None
    for name in _WATCHED:
        usual = median(_by_day(each, name) for each in before)
        now = _by_day(row, name)
        if now > FACTOR * max(usual, Fraction(FLOOR_MINOR)):
            return f"{name}: {int(now)} a day where {int(usual)} is usual"
        if name == "gross_minor" and now == 0 and usual > FLOOR_MINOR and _days(row) >= QUIET_DAYS:
            return f"{name}: nothing for {_days(row)} days where {int(usual)} a day is usual"
    return None


def _by_day(row: SettlementStatement, name: str) -> Fraction:
    return Fraction(abs(getattr(row, name)), _days(row))


def _days(row: SettlementStatement) -> int:
    return (row.last_day - row.first_day).days + 1

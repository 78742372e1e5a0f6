"""What rating tells the rooms above."""

from dataclasses import dataclass
from datetime import date

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class MonthRated(Event):
    """Every line on the bill of the month that begins on `month` is written."""

    month: date

"""Small cells stay hidden, and cannot be derived. Pure.

A number of people is told only when at least eleven stand behind it and behind its complement (CMS cell-size policy:
nothing from 1 to 10, nor derivable), and is rounded to five. An employer of fewer than fifty learns no number of
people at all (domain.md 5, rule 1).

Two reports are two numbers to subtract. So a number is told anew only when eleven have changed it since it was
counted, and not while one to ten have joined or left since (rule 4); until then the old one is repeated.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tandem.billing.invoices import CELL_MIN, may_be_told

ROUNDED_TO: Final = 5


def told_people(people: int, among: int) -> int | None:
    """How many people may be told, rounded; None when they must be hidden."""
    if not may_be_told(people, among):
        return None
    return ROUNDED_TO * round(people / ROUNDED_TO)


def told_units(units: int, people: int, among: int) -> int | None:
    """How many units may be told: only where the people who used them may be."""
    return None if told_people(people, among) is None else ROUNDED_TO * round(units / ROUNDED_TO)


@dataclass(frozen=True)
class Told:
    """A number as a report tells it, and when it was counted; None: hidden."""

    number: int | None
    counted_at: datetime | None


HIDDEN: Final = Told(None, None)


def told_next(before: Told, number: int | None, at: datetime, *, changed_by: int, moved: int) -> Told:
    """What the next report tells, so that subtracting the one before points at nobody.

    `before` is the number told last; since it was counted, `changed_by` people changed it and `moved` joined or left.
    """
    if number is None:
        return HIDDEN
    if before.number is not None and (changed_by < CELL_MIN or 0 < moved < CELL_MIN):
        return before
    return Told(number, at)

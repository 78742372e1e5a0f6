"""Small cells stay hidden, and cannot be derived. Pure.

A number of people is told only when at least eleven stand behind it and behind its complement (CMS cell-size policy:
nothing from 1 to 10, nor derivable), and is rounded to five. An employer of fewer than fifty learns no number of
people at all (domain.md 5, rule 1).
"""

from typing import Final

CELL_MIN: Final = 11
EMPLOYER_MIN: Final = 50
ROUNDED_TO: Final = 5


def told_people(people: int, among: int) -> int | None:
    """How many people may be told, rounded; None when they must be hidden."""
    if among < EMPLOYER_MIN or people < CELL_MIN or among - people < CELL_MIN:
        return None
    return ROUNDED_TO * round(people / ROUNDED_TO)


def told_units(units: int, people: int, among: int) -> int | None:
    """How many units may be told: only where the people who used them may be."""
    return None if told_people(people, among) is None else ROUNDED_TO * round(units / ROUNDED_TO)

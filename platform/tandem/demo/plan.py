"""What will happen, decided before anything happens: the same seed makes the same plan, and the plan decides all sums.

A visit's fate hangs on its number alone, never on who is served first, so eight threads and a killed worker change
nothing in the totals.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tandem.demo.errors import TooManyPatients

SERVICES_PER_HOSPITAL: Final = 2
OPENS, CLOSES = "08:00:00", "22:00:00"
SLOTS_PER_DAY: Final = 56
"""Fourteen hours of fifteen minutes."""

METHODS: Final = (("card", 45), ("alipay", 30), ("wechat_pay", 25))
FATES: Final = (
    ("deliver", 70),
    ("cancel", 9),
    ("refund_part", 5),
    ("refund_whole", 3),
    ("no_show", 4),
    ("dispute_lost", 2),
    ("dispute_won", 2),
    ("declined", 2),
    ("abandon", 3),
)
"""In percent. `declined`: a bad card first, then none; `abandon`: held and never paid."""

EVIDENCE_PERCENT: Final = 80
EMPLOYEE_PERCENT: Final = 20
LATECOMER_PERCENT: Final = 6
"""Who tries for a slot that somebody else was faster to take."""


@dataclass(frozen=True)
class Visit:
    """One patient's one visit, whole."""

    number: int
    day: int
    hospital: int
    service: int
    slot: int
    method: str
    fate: str
    has_evidence: bool
    is_employee: bool
    has_latecomer: bool


def visits(*, hospitals: int, patients: int, days: int, seed: int) -> list[Visit]:
    """The visits of all days. Raises TooManyPatients."""
    doors = hospitals * SERVICES_PER_HOSPITAL * days
    if patients > doors * SLOTS_PER_DAY:
        raise TooManyPatients(
            f"{patients} patients need more than {doors * SLOTS_PER_DAY} slots: add hospitals or days"
        )
    order = list(range(patients))
    random.Random(f"order:{seed}").shuffle(order)  # noqa: S311 - a plan, no secret
    return [_visit(seed, number, place, hospitals, days) for place, number in enumerate(order)]


def _visit(seed: int, number: int, place: int, hospitals: int, days: int) -> Visit:
    dice = random.Random(f"visit:{seed}:{number}")  # noqa: S311 - a plan, no secret
    day, rest = place % days, place // days
    hospital, rest = rest % hospitals, rest // hospitals
    service, slot = rest % SERVICES_PER_HOSPITAL, rest // SERVICES_PER_HOSPITAL
    fate = _drawn(dice, FATES)
    method = "card" if fate.startswith("dispute") or fate == "declined" else _drawn(dice, METHODS)
    is_employee = dice.randrange(100) < EMPLOYEE_PERCENT
    if is_employee:
        method = "entitlement"
        fate = {
            "dispute_lost": "deliver",
            "dispute_won": "deliver",
            "declined": "deliver",
            "refund_part": "deliver",
        }.get(fate, fate)
    return Visit(
        number,
        day,
        hospital,
        service,
        slot,
        method,
        fate,
        has_evidence=dice.randrange(100) < EVIDENCE_PERCENT,
        is_employee=is_employee,
        has_latecomer=dice.randrange(100) < LATECOMER_PERCENT,
    )


def _drawn(dice: random.Random, weighted: Sequence[tuple[str, int]]) -> str:
    names, weights = zip(*weighted, strict=True)
    return str(dice.choices(names, weights)[0])

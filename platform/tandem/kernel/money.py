"""Money is an integer of minor units and a currency. Arithmetic is pure, exact, and rounds once.

Sources: ISO 4217 for exponents; the largest-remainder method (Hamilton) for splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

EXPONENTS: Final = {"CNY": 2, "HKD": 2, "USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
CURRENCIES: Final = tuple(sorted(EXPONENTS))

Rate = Decimal | Fraction | int


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (fen for CNY) of one currency."""

    amount_minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if isinstance(self.amount_minor, bool) or not isinstance(self.amount_minor, int):
            raise TypeError("money is an integer of minor units")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency}")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.amount_minor


def share(amount_minor: int, rate: Rate) -> int:
    """`rate` of an amount, rounded half away from zero, once. A rate of 0.125 is 12.5 %."""
    exact = Fraction(amount_minor) * Fraction(rate)
    doubled = 2 * abs(exact) + 1
    rounded = doubled.numerator // (2 * doubled.denominator)
    return -rounded if exact < 0 else rounded


def allocate(total_minor: int, weights: Sequence[Rate]) -> list[int]:
    """Split a total by weights so that the parts add up to it exactly.

    Every share is floored, the missing units go to the largest fractions, ties to the earlier party.
    A negative total is the mirror of its positive twin, so that a full refund undoes a split exactly.
    Raises ValueError for negative weights or weights that are all zero.
    """
    parts = [Fraction(weight) for weight in weights]
    whole = sum(parts)
    if whole <= 0 or min(parts) < 0:
        raise ValueError("weights must not be negative nor all zero")
    if total_minor < 0:
        return [-part for part in allocate(-total_minor, weights)]
    exact = [total_minor * part / whole for part in parts]
    floors = [int(value) for value in exact]
    missing = total_minor - sum(floors)
    by_fraction = sorted(range(len(parts)), key=lambda place: (floors[place] - exact[place], place))
    for place in by_fraction[:missing]:
        floors[place] += 1
    return floors


def allocate_cumulative(before_minor: int, now_minor: int, weights: Sequence[Rate]) -> list[int]:
    """The parts of a partial refund: allocate what has been refunded in all, less what was allocated before.

    So the last partial refund closes every party's share to its original, and none is over-refunded.
    """
    after = allocate(before_minor + now_minor, weights)
    before = allocate(before_minor, weights)
    return [later - earlier for later, earlier in zip(after, before, strict=True)]

"""The same work from the same seed for everybody: the standard library alone, so that peers can read it too."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

METERS: Final = 5
LADDER: Final = ((100, 120), (1_000, 95), (10_000, 70), (None, 45))
"""Graduated: up to so many at so many fen each, the rest of them at the next price."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A balanced journal: legs of (account, signed amount in fen). Account 0 is the hot one, the others are 1 to n."""

    number: int
    key: str
    legs: tuple[tuple[int, int], ...]


def journals(seed: int, count: int, *, legs: int, accounts: int, hot: bool) -> Iterator[Journal]:
    """`count` journals over so many accounts, all different in a journal; `hot`: the first leg is always account 0."""
    order = random.Random(seed)
    for number in range(count):
        chosen = (
            [0, *order.sample(range(1, accounts + 1), legs - 1)] if hot else order.sample(range(1, accounts + 1), legs)
        )
        amounts = [order.randrange(1, 100_000) for _ in range(legs - 1)]
        signed = [amount if place % 2 == 0 else -amount for place, amount in enumerate(amounts)]
        rest = -sum(signed)
        if rest == 0:  # no leg may be nothing
            signed[0], rest = signed[0] + 1, -1
        yield Journal(number, f"benchmark-{number}", tuple(zip(chosen, [*signed, rest], strict=True)))


@dataclass(frozen=True, slots=True)
class Use:
    """A use to be metered: its key, whose it is, how much, and the minute of the month it happened in."""

    key: str
    subject: str
    quantity: int
    minute: int


def uses(seed: int, count: int, subjects: int = 50) -> Iterator[Use]:
    """`count` different uses of a month of thirty days, of so many subjects, told up to two hours out of order."""
    order = random.Random(seed)
    for number in range(count):
        minute = min(number * 43_200 // count + order.randrange(120), 43_199)
        yield Use(f"event-{number}", f"subject-{order.randrange(subjects)}", order.randrange(1, 100), minute)


def metered(seed: int, count: int) -> Iterator[list[int]]:
    """What each of `count` contracts used of each meter, in hundredths."""
    order = random.Random(seed)
    for _ in range(count):
        yield [order.randrange(0, 3_000_000) for _ in range(METERS)]

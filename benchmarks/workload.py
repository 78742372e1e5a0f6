"""The same work from the same seed for everybody: the standard library alone, so that peers can read it too."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


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

"""Where the days are lived: everybody who acts, and how to find them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from tandem.demo.admission import Desk, House
from tandem.demo.caller import Caller
from tandem.demo.programmes import Employer
from tandem.demo.wallet import Wallet

Say = Callable[[str], object]


@dataclass
class Stage:
    """Everything the actors need to find each other."""

    public: Caller
    desk: Desk
    wallet: Wallet
    houses: list[House]
    employers: list[Employer]
    consents: list[dict[str, Any]]
    world: str
    first_on: date
    threads: int
    say: Say

    def each(self, act: Callable[[Any], Any], many: Iterable[Any]) -> list[Any]:
        """Let several threads act; the first failure ends it."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(act, many))

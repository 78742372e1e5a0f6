"""A ledger of plain dictionaries: what the books must say, in some seventy lines without a database. Time is in hours."""

from collections import defaultdict
from dataclasses import dataclass

Line = tuple[str, int]
LIMITS = {"cash.bank": (0, 12)}
"""Account -> (floor, ceiling) in this story."""


@dataclass
class Hold:
    """What is left of a sum set aside, and until when it is."""

    left: int
    until: int


class PlainLedger:
    """Facts booked once, each true at one hour and booked at another; holds, limits, closed accounts, a frozen book."""

    def __init__(self) -> None:
        self.hour = 0
        self.booked: dict[str, tuple[int, int, list[Line]]] = {}
        """Key -> the hour it was true at, the hour it was booked at, and its lines."""
        self.undone: set[str] = set()
        self.undoing: set[str] = set()
        self.holds: dict[str, Hold] = {}
        self.closed: set[str] = set()
        self.frozen = False

    def post(self, key: str, at: int, lines: list[Line], undoes: str | None = None) -> str:
        if key in self.booked:
            true_at, _, told = self.booked[key]
            return "duplicate" if (true_at, told) == (at, lines) else "refused"
        if self.frozen or sum(amount for _, amount in lines) or not all(amount for _, amount in lines):
            return "refused"
        if undoes in self.undone | self.undoing or self.closed & {code for code, _ in lines}:
            return "refused"
        if not self._within_limits(lines):
            return "refused"
        self._book(key, at, lines)
        if undoes is not None:
            self.undone.add(undoes)
            self.undoing.add(key)
        return "posted"

    def place_hold(self, key: str, amount: int, until: int) -> bool:
        if self.frozen:
            return False
        self._book(f"hold {key}", self.hour, [("held.ar.patient", -amount), ("ar.patient", amount)])
        self.holds[key] = Hold(amount, until)
        return True

    def capture(self, key: str, amount: int, part: str) -> bool:
        hold = self.holds[key]
        if self.frozen or self.hour >= hold.until or not 0 < amount <= hold.left:
            return False
        self._book(f"{part} of {key}", self.hour, [("rev.other", -amount), ("held.ar.patient", amount)])
        hold.left -= amount
        return True

    def void(self, key: str) -> bool:
        return not self.frozen and self.holds[key].left > 0 and self._release(key, self.hour)

    def expire(self) -> bool:
        due = [key for key, hold in self.holds.items() if hold.left and hold.until <= self.hour]
        return not due or (not self.frozen and all(self._release(key, self.holds[key].until) for key in due))

    def close(self, code: str) -> bool:
        if not self.balances()[code]:
            self.closed.add(code)
        return code in self.closed

    def balances(self, *, true_before: int | None = None, booked_before: int | None = None) -> dict[str, int]:
        summed: dict[str, int] = defaultdict(int)
        for true_at, booked_at, lines in self.booked.values():
            if (true_before is None or true_at < true_before) and (booked_before is None or booked_at < booked_before):
                for code, amount in lines:
                    summed[code] += amount
        return summed

    def _within_limits(self, lines: list[Line]) -> bool:
        after = self.balances()
        for code, amount in lines:
            after[code] += amount
        return all(low <= after[code] <= high for code, (low, high) in LIMITS.items() if code in dict(lines))

    def _release(self, key: str, at: int) -> bool:
        left, self.holds[key].left = self.holds[key].left, 0
        self._book(f"release {key}", at, [("ar.patient", -left), ("held.ar.patient", left)])
        return True

    def _book(self, key: str, at: int, lines: list[Line]) -> None:
        self.booked[key] = (at, self.hour, lines)

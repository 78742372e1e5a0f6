"""A ledger of plain dictionaries: what the books must say, in sixty lines without a database."""

from collections import defaultdict

Line = tuple[str, int]
LIMITS = {"cash.bank": (0, None)}
"""Account -> (floor, ceiling) in this story."""


class PlainLedger:
    """Facts booked once, holds with what is left of them, and balances; every method answers as the books should."""

    def __init__(self) -> None:
        self.booked: dict[str, list[Line]] = {}
        self.undone: set[str] = set()
        self.undoing: set[str] = set()
        self.holds: dict[str, int] = {}
        self.balances: dict[str, int] = defaultdict(int)
        self.frozen = False

    def post(self, key: str, lines: list[Line], undoes: str | None = None) -> str:
        if key in self.booked:
            return "duplicate" if self.booked[key] == lines else "refused"
        if self.frozen or sum(amount for _, amount in lines) or not all(amount for _, amount in lines):
            return "refused"
        if undoes is not None and (undoes in self.undone or undoes in self.undoing):
            return "refused"
        if not self._within_limits(lines):
            return "refused"
        self._book(key, lines)
        if undoes is not None:
            self.undone.add(undoes)
            self.undoing.add(key)
        return "posted"

    def place_hold(self, key: str, amount: int) -> bool:
        if self.frozen:
            return False
        self._book(f"hold {key}", [("held.ar.patient", -amount), ("ar.patient", amount)])
        self.holds[key] = amount
        return True

    def capture(self, key: str, amount: int, part: str) -> bool:
        if self.frozen or not 0 < amount <= self.holds.get(key, 0):
            return False
        self._book(f"{part} of {key}", [("rev.other", -amount), ("held.ar.patient", amount)])
        self.holds[key] -= amount
        return True

    def void(self, key: str) -> bool:
        left = self.holds.get(key, 0)
        if self.frozen or not left:
            return False
        self._book(f"void {key}", [("ar.patient", -left), ("held.ar.patient", left)])
        self.holds[key] = 0
        return True

    def _within_limits(self, lines: list[Line]) -> bool:
        after = dict(self.balances)
        for code, amount in lines:
            after[code] = after.get(code, 0) + amount
        touched = {code for code, _ in lines} & LIMITS.keys()
        return all(after[code] >= LIMITS[code][0] for code in touched)

    def _book(self, key: str, lines: list[Line]) -> None:
        self.booked[key] = lines
        for code, amount in lines:
            self.balances[code] += amount

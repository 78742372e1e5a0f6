"""What a reconciliation pass can find: one fault, one key."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

Owner = Literal["provider", "hospital", "operator"]
OWNERS: Final = ("provider", "hospital", "operator")

PASSES: Final = ("R1", "R2", "R5", "R6")
"""R1 payments and provider · R2 provider's movements and the book · R5 use, fees and statements · R6 book and book."""

DEADLINES: Final[dict[str, timedelta]] = {
    "provider": timedelta(days=3),
    "hospital": timedelta(days=2),
    "operator": timedelta(days=1),
}
"""How long an owner has, from the first sight of a difference."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `key` names the fault within its pass, so that seeing it again is seeing it again.

    `expected_minor` is what our side says, `actual_minor` what the other says; `cause` is filled in when the facts
    at hand explain the difference.
    """

    reconciliation_pass: str
    key: str
    kind: str
    owner: Owner
    expected_minor: int
    actual_minor: int
    currency: str = "CNY"
    cause: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def amount_at_risk_minor(self) -> int:
        return abs(self.expected_minor - self.actual_minor)

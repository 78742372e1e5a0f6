"""What a reconciliation pass can find: one fault, one key."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Owner = Literal["provider", "hospital", "operator"]
OWNERS: Final = ("provider", "hospital", "operator")

PASSES: Final = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10")
"""What is held against what (money.md 2.9).

R1 payments and provider · R2 provider's movements and the book · R3 payouts and transfers and the bank ·
R4 use and its roll-ups · R5 use, claims, invoices and fees · R6 book and book · R7 a book and its own seals ·
R8 clearing accounts and time · R9 splits and their rules · R10 invoices and their documents.
"""

FAULTS: Final = (
    "missing_left", "missing_right", "amount_over", "amount_under", "currency", "duplicate", "status", "split", "late",
    "cap_breach", "segregation", "orphan_refund", "unclaimed_usage", "double_claim", "stale_suspense", "chain_break",
    "runaway",
)  # fmt: skip
"""Sorts of fault (money.md 2.10). Left is what our rows say, right what the other side says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `key` names the fault within its pass, so that seeing it again is seeing it again.

    `expected_minor` is what our side says, `actual_minor` what the other says; `cause` is filled in when the facts
    at hand explain the difference; findings of one `group` have one root. `no_journal` says why none is proposed.
    """

    key: str
    kind: str
    fault: str
    owner: Owner
    expected_minor: int
    actual_minor: int
    at: datetime
    currency: str = "CNY"
    cause: str | None = None
    group: str = ""
    evidence: dict[str, str] = field(default_factory=dict)
    no_journal: str = "by_hand"

    def told(self) -> dict[str, Any]:
        """The finding as an item keeps it."""
        return {
            "kind": self.kind,
            "fault": self.fault,
            "owner": self.owner,
            "expected_minor": self.expected_minor,
            "actual_minor": self.actual_minor,
            "currency": self.currency,
            "at": self.at.isoformat(),
            "cause": self.cause,
            "group": self.group or self.kind,
            "evidence": self.evidence,
            "journal": None,
            "no_journal": self.no_journal,
        }

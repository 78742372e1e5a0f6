"""By which rules differences are judged: deadlines, tolerances, guards. Data, versioned; a run keeps to one version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from tandem.kernel.database import session

DEFAULTS: Final[Mapping[str, int]] = {
    "deadline_days.provider": 3,
    "deadline_days.hospital": 2,
    "deadline_days.operator": 1,
    "sla_days.suspense": 3,
    "sla_days.refund.payable": 14,
    "sla_days.dispute.hold": 120,
    "sla_days.cash.psp": 14,
    "sla_days.payout": 5,
    "sla_days.billing": 10,
    "sla_days.receipt": 30,
    "tolerance_minor": 0,
    "tolerance_budget_minor": 0,
    "guard_floor": 1_000,
    "guard_factor": 20,
    "bank_days": 3,
    "bank_fee_minor": 5_000,
    "bank_batch_size": 12,
    "bank_unexplained_days": 60,
}
"""What holds until the operator sets another value: every rule there is, and version 0 of it.

`deadline_days`: how long an owner has, from the first sight of a difference. `sla_days`: how long a clearing account,
a payout on its way or a document that was asked for may take. `tolerance_minor`: up to which sum a difference is let
be, as long as the month's `tolerance_budget_minor` lasts. `guard_floor`, `guard_factor`: a comparison that finds more
new differences than the floor, and than the factor times the most it found of late, parks itself. `bank_days`: how
far a bank's day may lie from ours. `bank_fee_minor`: how much a bank may have kept of a payout that its line names.
`bank_batch_size`: how many payouts one line of a bank may lump together. `bank_unexplained_days`: how long the owner
of money that came in is looked for before it may be set aside as unclaimed.
"""


@dataclass(frozen=True)
class Rules:
    """One version of all rules."""

    version: int = 0
    values: Mapping[str, int] = field(default_factory=dict)

    def value(self, name: str) -> int:
        """What a rule says. Raises KeyError where there is no such rule."""
        return self.values.get(name, DEFAULTS[name])

    def days(self, name: str) -> timedelta:
        """A rule that counts days."""
        return timedelta(days=self.value(name))


def rules_in_force() -> Rules:
    """The rules as they are now. A run reads them once: who sets one meanwhile sets it for the next."""
    found = session.execute(_LATEST).all()
    return Rules(max((row.version for row in found), default=0), {row.name: row.value for row in found})


_LATEST: Final = text(
    "SELECT DISTINCT ON (name) name, value, version FROM reconciliation_rule ORDER BY name, version DESC"
)

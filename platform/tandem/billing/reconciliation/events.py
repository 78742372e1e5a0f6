"""What reconciliation tells."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class ResolutionApproved(Event):
    """Both parties agree how a difference is settled, and a journal says so."""

    resolution_id: UUID


@dataclass(frozen=True)
class GroupResolutionApproved(Event):
    """Both parties agree how all differences of one root are settled."""

    resolution_id: UUID


@dataclass(frozen=True)
class BankLineExitMoved(Event):
    """Two people let a sum of a bank's line go, or took that back, or its sender has it again."""

    exit_id: UUID

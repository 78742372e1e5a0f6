"""What settlements tell the rooms above."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class StatementProposed(Event):
    """The operator put a statement before the hospital."""

    statement_id: UUID


@dataclass(frozen=True)
class StatementParked(Event):
    """A statement is out of line with its history: somebody looks before the hospital does."""

    statement_id: UUID


@dataclass(frozen=True)
class TransferAsked(Event):
    """A transfer row exists; somebody must speak to the provider."""

    transfer_id: UUID


@dataclass(frozen=True)
class ReturnApproved(Event):
    """The hospital agreed that a transfer be taken back; somebody must speak to the provider."""

    return_id: UUID


@dataclass(frozen=True)
class VisitBrought(Event):
    """A channel claims to have brought the patient of a visit."""

    usage_event_id: UUID


@dataclass(frozen=True)
class FeeDecided(Event):
    """A fee beyond a cap was granted or waived."""

    fee_accrual_id: UUID


@dataclass(frozen=True)
class FeeAdjusted(Event):
    """Both parties agreed on an adjustment."""

    fee_adjustment_id: UUID


@dataclass(frozen=True)
class StatementConfirmed(Event):
    """The hospital signed it."""

    statement_id: UUID


@dataclass(frozen=True)
class StatementPaid(Event):
    """The sum between the parties was paid."""

    statement_id: UUID

"""What happens to settlements when something has happened."""

from uuid import UUID

from tandem.billing.settlements import commands
from tandem.kernel.jobs import job


@job(queue="fast")
def accrue_usage(usage_event_id: UUID) -> None:
    """A visit was delivered: book its revenue and the operator's fee."""
    commands.accrue_usage(usage_event_id)


@job(queue="fast")
def reverse_refund(refund_id: UUID) -> None:
    """Money went back: take back revenue and fee."""
    commands.reverse_refund(refund_id)


@job(queue="fast")
def restore_refund(refund_id: UUID) -> None:
    """A refund came back after it had succeeded: the visit is paid again."""
    commands.reverse_refund(refund_id, is_return=True)


@job(queue="fast")
def reverse_lost_dispute(dispute_id: UUID) -> None:
    """A dispute was decided: where it was lost, the fee's share of it goes back."""
    commands.reverse_lost_dispute(dispute_id)


@job(queue="fast")
def book_fee_decision(fee_accrual_id: UUID) -> None:
    """A fee beyond a cap was granted or waived: book it."""
    commands.book_decision(fee_accrual_id)


@job(queue="fast")
def book_fee_adjustment(fee_adjustment_id: UUID) -> None:
    """Both parties agreed on an adjustment: book it."""
    commands.book_adjustment(fee_adjustment_id)


@job(queue="slow")
def book_settlement_payment(statement_id: UUID) -> None:
    """A statement was paid: book it on both sides."""
    commands.book_payment(statement_id)

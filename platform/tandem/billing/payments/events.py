"""What payments tell the houses above. Ids only."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class PaymentAsked(Event):
    """A payment row exists; somebody must speak to the provider."""

    payment_id: UUID


@dataclass(frozen=True)
class PaymentSucceeded(Event):
    """The money (or the unit of a benefit) is there."""

    payment_id: UUID


@dataclass(frozen=True)
class PaymentFailed(Event):
    """The payer's side declined, or the payment was given up; nothing was taken."""

    payment_id: UUID


@dataclass(frozen=True)
class PaymentCompleted(Event):
    """What was paid for has been delivered."""

    payment_id: UUID


@dataclass(frozen=True)
class PaymentLapsed(Event):
    """Nobody waits for this payment any more; its intent is to be given up."""

    payment_id: UUID


@dataclass(frozen=True)
class RefundAsked(Event):
    """A refund row exists; somebody must speak to the provider."""

    refund_id: UUID


@dataclass(frozen=True)
class RefundSucceeded(Event):
    """Money went back to the payer."""

    refund_id: UUID


@dataclass(frozen=True)
class RefundFailed(Event):
    """The provider would not give back, or the money came back."""

    refund_id: UUID


@dataclass(frozen=True)
class DisputeOpened(Event):
    """A payer's bank asks for the money back."""

    dispute_id: UUID


@dataclass(frozen=True)
class DisputeClosed(Event):
    """The dispute has ended. `outcome`: won, lost, or closed (an inquiry without money moving).

    `payment_id` is empty for a payment that was never ours; sum and fee are the dispute's, by `payments.dispute`.
    """

    dispute_id: UUID
    payment_id: UUID | None
    outcome: str


@dataclass(frozen=True)
class InvoicePaymentAsked(Event):
    """A customer wants to pay an invoice online; somebody must speak to the provider."""

    intent_id: UUID


@dataclass(frozen=True)
class ProviderEventStored(Event):
    """An event of the provider lies in the inbox."""

    event_id: UUID


@dataclass(frozen=True)
class ProviderAccountAsked(Event):
    """A hospital is to be paid and has no account at the provider yet."""

    hospital_id: UUID


@dataclass(frozen=True)
class RepaymentApproved(Event):
    """A customer is to get money back online; somebody must speak to the provider."""

    repayment_id: UUID


@dataclass(frozen=True)
class RepaymentSent(Event):
    """A customer's money left the operator's bank."""

    repayment_id: UUID

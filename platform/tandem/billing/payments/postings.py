"""How each fact of the provider is booked: by rule, and from the fact alone, so that every way to learn it books alike.

cash.psp is what the provider owes the hospital. A fact books its gross amount under its own key; the fee that came
with it is booked under the key of its movement, whenever that becomes known.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.billing.payments.models import Repayment
from tandem.billing.provider_facts import ProviderMovement


def captured(charge_id: str, *, payment_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """A patient paid: the money is at the provider, and the patient has it coming as a service."""
    return _draft("payment_captured", captured_key(charge_id), at, currency, ("payment", payment_id), amount_minor)


def refunded(refund_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """Money left the provider's balance for the patient."""
    return _draft("payment_refunded", refunded_key(refund_id), at, currency, ("refund", row_id), amount_minor)


def refund_returned(refund_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """A refund failed after its money had left: it is back."""
    return _draft("refund_returned", returned_key(refund_id), at, currency, ("refund", row_id), amount_minor)


def dispute_withdrawn(dispute_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """The provider took the disputed sum until the case is decided."""
    return _draft("dispute_withdrawn", withdrawn_key(dispute_id), at, currency, ("dispute", row_id), amount_minor)


def dispute_won(dispute_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """The case was won: the sum came back."""
    return _draft("dispute_won", won_key(dispute_id), at, currency, ("dispute", row_id), amount_minor)


def dispute_lost(dispute_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """The case was lost: what was held is gone."""
    return _draft("dispute_lost", f"dispute:{dispute_id}:lost", at, currency, ("dispute", row_id), amount_minor)


def paid_out(payout_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """Money left the provider for the hospital's bank account."""
    return _draft("payout_sent", sent_key(payout_id), at, currency, ("payout", row_id), amount_minor)


def payout_returned(payout_id: str, *, row_id: UUID, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """A payout failed, perhaps after it was said to be paid: the money is at the provider again."""
    return _draft("payout_returned", unsent_key(payout_id), at, currency, ("payout", row_id), amount_minor)


def fee_taken(movement: ProviderMovement, fee_minor: int) -> JournalDraft:
    """What the provider kept (or, negative, gave back) with a movement."""
    source = ("balance_transaction", movement.id)
    return _draft("psp_fee", fee_key(movement.id), movement.created_at, movement.currency, source, fee_minor)


def unexplained(movement_id: str, *, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """A movement that no row of ours explains: it is in the balance, so it is in the book, in suspense."""
    source = ("balance_transaction", movement_id)
    return _draft("psp_unexplained", unexplained_key(movement_id), at, currency, source, amount_minor)


def explained(movement_id: str, *, amount_minor: int, currency: str, at: datetime) -> JournalDraft:
    """A movement in suspense was explained after all; its own fact has been booked, so suspense lets go."""
    key, source = f"{unexplained_key(movement_id)}:explained", ("balance_transaction", movement_id)
    return _draft("psp_explained", key, at, currency, source, amount_minor)


_REPAID: Final = {
    ("employer", "bank_transfer"): "customer_repaid",
    ("employer", "refund"): "customer_repaid_online",
    ("hospital", "bank_transfer"): "hospital_repaid",
    ("hospital", "refund"): "hospital_repaid_online",
}


def repaid(row: Repayment, customer_kind: str, amount_minor: int, *, step: str, at: datetime) -> JournalDraft:
    """A customer of the operator got back what it was owed; negative when that came back."""
    return _draft(
        _REPAID[customer_kind, row.method],
        f"{row.id}:{step}",
        at,
        row.currency,
        ("repayment", row.id),
        amount_minor,
        correlation_id=row.id,
    )


def captured_key(charge_id: str) -> str:
    """The fact that a charge was captured."""
    return f"charge:{charge_id}:captured"


def refunded_key(refund_id: str) -> str:
    """The fact that a refund's money left."""
    return f"refund:{refund_id}:succeeded"


def returned_key(refund_id: str) -> str:
    """The fact that a refund's money came back."""
    return f"refund:{refund_id}:failed"


def withdrawn_key(dispute_id: str) -> str:
    """The fact that a disputed sum was taken."""
    return f"dispute:{dispute_id}:withdrawn"


def won_key(dispute_id: str) -> str:
    """The fact that a disputed sum came back."""
    return f"dispute:{dispute_id}:won"


def sent_key(payout_id: str) -> str:
    """The fact that a payout left."""
    return f"payout:{payout_id}:paid"


def unsent_key(payout_id: str) -> str:
    """The fact that a payout came back."""
    return f"payout:{payout_id}:failed"


def fee_key(movement_id: str) -> str:
    """The fact of a movement's fee."""
    return f"bt:{movement_id}"


def unexplained_key(movement_id: str) -> str:
    """The fact that a movement has no known cause."""
    return f"movement:{movement_id}"


def _draft(
    rule: str,
    key: str,
    at: datetime,
    currency: str,
    source: tuple[str, UUID | str],
    amount_minor: int,
    correlation_id: UUID | None = None,
) -> JournalDraft:
    return journal_by_rule(
        rule,
        amounts={"amount": amount_minor},
        key=key,
        effective_at=at,
        currency=currency,
        source_type=source[0],
        source_id=source[1],
        correlation_id=correlation_id,
    )

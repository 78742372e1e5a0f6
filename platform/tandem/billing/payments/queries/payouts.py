"""Reads of payouts and of what they consist of."""

from uuid import UUID

from sqlalchemy import or_, select

from tandem.billing.payments.models import BalanceTransaction, Payout, PayoutPart
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def uncomposed_payouts(limit: int) -> list[tuple[str, bool]]:
    """Payouts of which it can be said by now what they paid out, oldest first; and whether the provider says it.

    A payout that failed has paid out nothing: its money came back as a movement of its own.
    """
    ready = select(Payout.provider_payout_id, Payout.is_automatic).where(
        Payout.tenant_id == tenant_id(),
        Payout.composition == "unknown",
        Payout.status != "failed",
        or_(Payout.is_composed, Payout.is_automatic.is_(False)),
    )
    found = session.execute(ready.order_by(Payout.sent_at, Payout.provider_payout_id).limit(limit))
    return [(payout_id, is_told) for payout_id, is_told in found]


def payout(payout_id: UUID) -> Payout:
    """One payout. Raises NotFound."""
    found = session.scalar(select(Payout).where(Payout.tenant_id == tenant_id(), Payout.id == payout_id))
    if found is None:
        raise NotFound
    return found


def payout_parts_page(payout_id: UUID, *, limit: int, after: str | None) -> Page:
    """What a payout consists of, in the order the money came."""
    shown = (
        PayoutPart.id, BalanceTransaction.provider_id, BalanceTransaction.kind, BalanceTransaction.source_id,
        BalanceTransaction.provider_created_at, BalanceTransaction.currency, PayoutPart.amount_minor,
        PayoutPart.is_assumed,
    )  # fmt: skip
    here = (PayoutPart.tenant_id == BalanceTransaction.tenant_id) & (
        PayoutPart.balance_transaction_id == BalanceTransaction.id
    )
    parts = select(*shown).join(BalanceTransaction, here)
    parts = parts.where(PayoutPart.tenant_id == tenant_id(), PayoutPart.payout_id == payout_id)
    return page(parts, by=[BalanceTransaction.provider_created_at, PayoutPart.id], limit=limit, after=after)

"""Reads of what comes back of transfers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from tandem.billing.settlements.models import TransferReturn
from tandem.kernel.database import Page, own_row, page, session
from tandem.kernel.tenancy import tenant_id


def transfer_return(return_id: UUID, *, for_update: bool = False) -> TransferReturn:
    """One return. Raises NotFound."""
    return own_row(TransferReturn, return_id, for_update=for_update)


def returns_of(transfer_id: UUID) -> Sequence[TransferReturn]:
    """All returns of one transfer, as rows that can be changed; a provider allows but a few."""
    mine = (TransferReturn.tenant_id == tenant_id(), TransferReturn.transfer_id == transfer_id)
    return session.scalars(select(TransferReturn).where(*mine).order_by(TransferReturn.id)).all()


def count_returned(transfer_id: UUID) -> int:
    """How often the provider took something of a transfer back."""
    counted = select(func.count()).where(
        TransferReturn.tenant_id == tenant_id(),
        TransferReturn.transfer_id == transfer_id,
        TransferReturn.status == "returned",
    )
    return int(session.scalar(counted) or 0)


def transfer_returns(*, limit: int, after: str | None) -> Page:
    """The hospital's returns, newest first."""
    mine = select(*TransferReturn.__table__.c).where(TransferReturn.tenant_id == tenant_id())
    return page(mine, by=[TransferReturn.proposed_at, TransferReturn.id], limit=limit, after=after, newest_first=True)


def returns_waiting(*, older_than: datetime, limit: int) -> Sequence[UUID]:
    """Returns agreed to that the provider has not told of yet, the oldest first."""
    waiting = select(TransferReturn.id).where(
        TransferReturn.tenant_id == tenant_id(),
        TransferReturn.status == "approved",
        TransferReturn.decided_at < older_than,
    )
    return session.scalars(waiting.order_by(TransferReturn.decided_at, TransferReturn.id).limit(limit)).all()

"""Reads of waivers."""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from tandem.billing.payments.models import Waiver, WaiverReceipt
from tandem.kernel.database import Page, own_row, page, session
from tandem.kernel.tenancy import tenant_id

SHOWN: Final[tuple[InstrumentedAttribute[object], ...]] = (
    Waiver.id, Waiver.order_type, Waiver.order_id, Waiver.bearer, Waiver.bearer_name, Waiver.reason,
    Waiver.amount_minor, Waiver.currency, Waiver.status, Waiver.needs_second, Waiver.proposed_by, Waiver.proposed_at,
    Waiver.decided_by, Waiver.decided_at,
)  # fmt: skip


def waiver(waiver_id: UUID, *, for_update: bool = False) -> Waiver:
    """One waiver. Raises NotFound."""
    return own_row(Waiver, waiver_id, for_update=for_update)


def waived_minor(order_type: str, order_id: UUID, currency: str) -> int:
    """What has been taken off an order, or is about to be."""
    taken_off = select(func.coalesce(func.sum(Waiver.amount_minor), 0)).where(
        Waiver.tenant_id == tenant_id(),
        Waiver.order_type == order_type,
        Waiver.order_id == order_id,
        Waiver.currency == currency,
        Waiver.status.in_(["proposed", "granted"]),
    )
    return int(session.execute(taken_off).scalar_one())


def waivers_page(*, status: str | None = None, limit: int, after: str | None) -> Page:
    """The hospital's waivers, newest first."""
    mine = select(*SHOWN).where(Waiver.tenant_id == tenant_id())
    if status is not None:
        mine = mine.where(Waiver.status == status)
    return page(mine, by=[Waiver.proposed_at, Waiver.id], limit=limit, after=after, newest_first=True)


def received_minor(waiver_id: UUID) -> int:
    """What its bearer has paid of a waiver."""
    paid = select(func.coalesce(func.sum(WaiverReceipt.amount_minor), 0)).where(
        WaiverReceipt.tenant_id == tenant_id(), WaiverReceipt.waiver_id == waiver_id
    )
    return int(session.execute(paid).scalar_one())


def receipt_by_reference(waiver_id: UUID, reference: str) -> WaiverReceipt | None:
    """What was recorded under a bank's reference."""
    return session.scalar(
        select(WaiverReceipt).where(
            WaiverReceipt.tenant_id == tenant_id(),
            WaiverReceipt.waiver_id == waiver_id,
            WaiverReceipt.reference == reference,
        )
    )


def receipts_page(waiver_id: UUID, *, limit: int, after: str | None) -> Page:
    """What was paid of a waiver, oldest first. Raises NotFound."""
    waiver(waiver_id)
    mine = select(*WaiverReceipt.__table__.c).where(
        WaiverReceipt.tenant_id == tenant_id(), WaiverReceipt.waiver_id == waiver_id
    )
    return page(mine, by=[WaiverReceipt.recorded_at, WaiverReceipt.id], limit=limit, after=after)

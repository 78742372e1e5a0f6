"""Reads of waivers."""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from tandem.billing.payments.models import Waiver
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

SHOWN: Final[tuple[InstrumentedAttribute[object], ...]] = (
    Waiver.id, Waiver.order_type, Waiver.order_id, Waiver.bearer, Waiver.bearer_name, Waiver.reason,
    Waiver.amount_minor, Waiver.currency, Waiver.status, Waiver.needs_second, Waiver.proposed_by, Waiver.proposed_at,
    Waiver.decided_by, Waiver.decided_at,
)  # fmt: skip


def waiver(waiver_id: UUID, *, for_update: bool = False) -> Waiver:
    """One waiver. Raises NotFound."""
    wanted = select(Waiver).where(Waiver.tenant_id == tenant_id(), Waiver.id == waiver_id)
    if for_update:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


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
